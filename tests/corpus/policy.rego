# The rule of a site's own that the attempts of attempts/policy.yaml try to get past. It has no opinion about anything
# else, so that what holds elsewhere is held by ds01d itself.
package corpus

default verdict := {"verdict": "none"}

verdict := {"verdict": "deny", "reason": "this site does not want that"} if unwanted

body := object.get(input, "body", null)

# Containers and programs in them.
unwanted if "forbidden" in body.Cmd

unwanted if body.Cmd == "forbidden"

unwanted if body.Labels.corpus == "forbidden"

unwanted if body.HostConfig.ShmSize == 134217728

# Names, where they stand in the query.
unwanted if {
	some key in ["name", "tag"]
	some value in input.request.query[key]
	contains(value, "forbidden")
}

# Whose, and which: names have been resolved.
unwanted if {
	input.request.method == "GET"
	endswith(input.request.path, "/logs")
	endswith(input.target.name, "-a")
}

unwanted if {
	input.request.pattern == "/containers/{}/update"
	object.get(body, "RestartPolicy", {}).Name == "always"
}

unwanted if {
	input.request.pattern == "/networks/create"
	body.Internal == true
}

unwanted if {
	input.request.pattern == "/volumes/create"
	body.Labels.corpus == "forbidden"
}
