// What Go makes of the bytes that our own readers are given: archive/tar and encoding/json, which dockerd reads with.
//
// Standard input: "tar" or "json" on a line, then cases, each as its length (32 bits, little endian) and its bytes.
// Standard output: for each case the lines that differential_test.py describes, closed by "=".
package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

type mount struct {
	Type, Source, Target string
	ReadOnly             bool
	BindOptions          *struct{ Propagation string }
}

type hostConfig struct {
	Binds, CapAdd, Dns     []string
	Memory, NanoCpus       int64
	Privileged, AutoRemove bool
	NetworkMode, IpcMode   string
	OomKillDisable         *bool
	PidsLimit              *int64
	MemorySwappiness       *int64
	Sysctls, StorageOpt    map[string]string
	Devices                []struct{ PathOnHost, PathInContainer, CgroupPermissions string }
	Mounts                 []mount
	LogConfig              struct {
		Type   string
		Config map[string]string
	}
	RestartPolicy struct {
		Name              string
		MaximumRetryCount int
	}
	PortBindings map[string][]struct{ HostIp, HostPort string }
}

// Some of each kind of field that POST /containers/create has.
type create struct {
	Image, User, Hostname string
	Env                   []string
	Labels                map[string]string
	Volumes               map[string]struct{}
	Tty, OpenStdin        bool
	StopTimeout           *int
	HostConfig            *hostConfig
	NetworkingConfig      *struct {
		EndpointsConfig map[string]*struct {
			Aliases    []string
			NetworkID  string
			IPAMConfig *struct{ IPv4Address string }
			DriverOpts map[string]string
		}
	}
}

func tarEntries(input []byte, out io.Writer) {
	reader := tar.NewReader(bytes.NewReader(input))
	for {
		header, err := reader.Next()
		if err == io.EOF {
			fmt.Fprintln(out, "end")
			return
		}
		if err != nil {
			fmt.Fprintln(out, "error")
			return
		}
		length, err := io.Copy(io.Discard, reader)
		fmt.Fprintf(out, "entry %d %s %d\n", header.Typeflag, hex.EncodeToString([]byte("n"+header.Name)), length)
		if err != nil {
			fmt.Fprintln(out, "error")
			return
		}
	}
}

// As dockerd's httputils.ReadJSON does it: one value, and nothing behind it.
func jsonMeaning(input []byte, out io.Writer) {
	var body create
	decoder := json.NewDecoder(bytes.NewReader(input))
	if err := decoder.Decode(&body); err != nil {
		fmt.Fprintln(out, "error")
		return
	}
	if decoder.More() {
		fmt.Fprintln(out, "more")
		return
	}
	meaning, err := json.Marshal(body)
	if err != nil {
		fmt.Fprintln(out, "error")
		return
	}
	fmt.Fprintf(out, "means %s\n", meaning)
}

func main() {
	in := bufio.NewReader(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	mode, err := in.ReadString('\n')
	if err != nil {
		os.Exit(2)
	}
	read := tarEntries
	if strings.TrimSpace(mode) == "json" {
		read = jsonMeaning
	}
	for {
		var length uint32
		if binary.Read(in, binary.LittleEndian, &length) != nil {
			return
		}
		input := make([]byte, length)
		if _, err := io.ReadFull(in, input); err != nil {
			os.Exit(2)
		}
		read(input, out)
		fmt.Fprintln(out, "=")
		out.Flush()
	}
}
