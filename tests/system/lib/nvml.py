"""A machine with an NVIDIA driver, as far as ds01d can tell: the tests' own libnvidia-ml.so.1 (tests/support/fake_nvml),
found through LD_LIBRARY_PATH, and the driver's part of /proc and /dev in ds01d's mount namespace."""

import os

from .daemon import bin_dir
from .need import need

MODEL = "NVIDIA H100 80GB HBM3"
WHOLE = f"gpu uuid=GPU-a minor=0 memory=81559 model={MODEL}\n"
SECOND = f"gpu uuid=GPU-b minor=1 memory=81559 model={MODEL}\n"
CUT = f"""\
gpu uuid=GPU-c minor=1 memory=81559 model={MODEL}
slices gpu=1 most=7
fail nvmlDeviceGetMemoryInfo 4 1
mig gpu=1 number=0 uuid=MIG-a gi=9 ci=0 gslices=1 cslices=1 memory=9856 name={MODEL} MIG 1g.10gb
mig gpu=1 number=1 uuid=MIG-b gi=2 ci=0 gslices=3 cslices=3 memory=40320 name={MODEL} MIG 3g.40gb
"""

# Directories in the place of the driver's; the first argument is where they are.
_ENTER = """
here=$1; shift
mount --bind "$here/driver" /proc/driver && exec "$@"
"""


class Machine:
    def __init__(self, base):
        self.base = base
        library = bin_dir().parent / "tests/fake_nvml"
        need((library / "libnvidia-ml.so.1").exists(), f"needs the tests' libnvidia-ml.so.1 in {library}")
        (self.base / "driver/nvidia").mkdir(parents=True)
        self.scenario = self.base / "scenario"
        self.env = {**os.environ, "LD_LIBRARY_PATH": str(library), "DS01_FAKE_NVML": str(self.scenario)}
        self.within = ["unshare", "-m", "--", "sh", "-c", _ENTER, "_", str(self.base)]
        self.become(WHOLE + CUT)

    def become(self, text):
        new = self.base / "scenario.new"
        new.write_text("driver 580.1\n" + text)
        new.rename(self.scenario)

    def set_library(self, present):
        self.env["LD_LIBRARY_PATH"] = str(bin_dir().parent / "tests/fake_nvml") if present else "/nonexistent"
