# What a site may decide beside the rules that are built into ds01d. It can refuse more than they do, and allow nothing
# that they refuse. The input is described in docs/admin/policy.md; `data.ds01.owners` is kept by ds01d and has the form
# of /var/lib/ds01/opa/container-owners.json.
#
# `verdict` is what ds01d asks for: allow, deny or none ("no opinion"). Requests to containers and their execs are judged
# here, with deny as the default: what no rule below allows is refused. About everything else there is no opinion.
package docker.authz

default verdict := {"verdict": "none"}

verdict := {"verdict": "deny", "reason": concat("; ", sort(refusals))} if {
	count(refusals) > 0
} else := {"verdict": "allow"} if {
	judged
	permitted
} else := {"verdict": "deny", "reason": "no rule of the policy allows it"} if {
	judged
}

# A form of input that this policy does not know is not waved through.
refusals contains "the policy was written for another version of ds01d" if {
	object.get(input, "version", null) != 1
}

refusals contains reason if {
	some reason in cgroup_refusals(object.get(parent_object(input.body), "CgroupParent", ""))
}

judged if startswith(input.request.path, "/containers")

judged if startswith(input.request.path, "/exec/")

permitted if input.user.admin

permitted if input.request.path == "/containers/json"

permitted if {
	input.request.method == "POST"
	input.request.path in {"/containers/create", "/containers/prune"}
}

permitted if owns(input.user.login)

permitted if {
	is_service(input.user)
	reads_only(input.request)
}

# Only a launcher gets so far with what others own (`launchers` in ds01d.yaml), and not with everything.
permitted if {
	input.user.service
	input.target.kind == "container"
	input.target.made_by == input.user.login
}

owns(login) if {
	login != ""
	input.target.kind == "container"
	input.target.owner == login
}

is_service(user) if user.service

is_service(user) if user.login in service_users

service_users contains "ds01-dashboard"

service_users contains login if some login in data.ds01.owners.service_users

# Looking at a container, without what may be secret in it: neither its files nor its output.
reads_only(request) if {
	request.method == "GET"
	request.pattern in {"/containers/{}/json", "/containers/{}/stats", "/containers/{}/top"}
}

parent_object(body) := host if {
	host := object.get(body, "HostConfig", {})
	is_object(host)
} else := {}

# Slices of the system's own services and of login sessions are nobody's to use for containers.
cgroup_refusals(parent) := {reason |
	is_string(parent)
	some bad, reason in {
		"..": "the cgroup parent contains ..",
		"//": "the cgroup parent contains //",
		"system.slice": "the cgroup parent is the system's",
		"user.slice": "the cgroup parent is that of login sessions",
	}
	contains(parent, bad)
}
