package docker.authz_test

import data.docker.authz

alice := {"login": "alice", "uid": 1001, "groups": ["users"], "limits_group": "student", "admin": false, "service": false, "from_container": null}

admin := object.union(alice, {"login": "root", "uid": 0, "admin": true})

dashboard := object.union(alice, {"login": "ds01-dashboard", "uid": 990})

bobs := {"kind": "container", "id": "b0b", "name": "train", "owner": "bob"}

asked(user, method, path, target) := {
	"version": 1,
	"decision": "D000000000000",
	"user": user,
	"request": {"method": method, "path": path, "pattern": pattern(path), "api": "1.41", "query": {}, "class": "change"},
	"body": null,
	"target": target,
	"gpu": null,
}

pattern(path) := regex.replace(path, `^(/containers|/exec)/[0-9a-f]+`, "$1/{}")

create_in(parent) := object.union(asked(alice, "POST", "/containers/create", null), {"body": {"HostConfig": {"CgroupParent": parent}}})

verdict_on(question) := verdict if {
	verdict := authz.verdict.verdict with input as question
}

test_a_container_is_its_owners if {
	verdict_on(asked(alice, "POST", "/containers/a11ce/stop", object.union(bobs, {"owner": "alice"}))) == "allow"
}

test_a_container_of_another_is_refused if {
	verdict_on(asked(alice, "POST", "/containers/b0b/stop", bobs)) == "deny"
	verdict_on(asked(alice, "GET", "/containers/b0b/json", bobs)) == "deny"
}

test_a_container_of_nobody_is_refused if {
	verdict_on(asked(alice, "POST", "/containers/b0b/stop", object.union(bobs, {"owner": null}))) == "deny"
	verdict_on(asked(alice, "POST", "/containers/b0b/stop", null)) == "deny"
}

test_no_login_owns_nothing if {
	verdict_on(asked(object.union(alice, {"login": ""}), "POST", "/containers/b0b/stop", object.union(bobs, {"owner": ""}))) == "deny"
}

test_an_exec_is_its_containers_owners if {
	verdict_on(asked(alice, "POST", "/exec/e4ec/start", bobs)) == "deny"
	verdict_on(asked(alice, "POST", "/exec/e4ec/start", object.union(bobs, {"owner": "alice"}))) == "allow"
}

test_an_administrator_may if {
	verdict_on(asked(admin, "DELETE", "/containers/b0b", bobs)) == "allow"
}

test_a_dashboard_looks_and_does_no_more if {
	verdict_on(asked(dashboard, "GET", "/containers/b0b/json", bobs)) == "allow"
	verdict_on(asked(dashboard, "GET", "/containers/b0b/stats", bobs)) == "allow"
	verdict_on(asked(dashboard, "GET", "/containers/b0b/logs", bobs)) == "deny"
	verdict_on(asked(dashboard, "GET", "/containers/b0b/archive", bobs)) == "deny"
	verdict_on(asked(dashboard, "POST", "/containers/b0b/stop", bobs)) == "deny"
	verdict_on(asked(dashboard, "DELETE", "/containers/b0b", bobs)) == "deny"
}

test_whom_ds01d_calls_a_service_looks_too if {
	service := object.union(alice, {"login": "grafana", "service": true})
	verdict_on(asked(service, "GET", "/containers/b0b/stats", bobs)) == "allow"
	verdict_on(asked(service, "DELETE", "/containers/b0b", bobs)) == "deny"
}

test_a_launcher_works_with_what_it_made_for_somebody if {
	hub := object.union(alice, {"login": "hub", "service": true})
	made := object.union(bobs, {"made_by": "hub"})
	verdict_on(asked(hub, "POST", "/containers/b0b/start", made)) == "allow"
	verdict_on(asked(hub, "DELETE", "/containers/b0b", made)) == "allow"
	verdict_on(asked(hub, "DELETE", "/containers/b0b", object.union(bobs, {"made_by": "other"}))) == "deny"
	verdict_on(asked(object.union(hub, {"service": false}), "DELETE", "/containers/b0b", made)) == "deny"
}

test_a_login_becomes_a_service_by_the_data if {
	grafana := object.union(alice, {"login": "grafana"})
	question := asked(grafana, "GET", "/containers/b0b/json", bobs)
	verdict_on(question) == "deny"
	authz.verdict.verdict == "allow" with input as question with data.ds01.owners as {"service_users": ["grafana"]}
}

test_everybody_may_list_and_create if {
	verdict_on(asked(alice, "GET", "/containers/json", null)) == "allow"
	verdict_on(create_in("ds01-student-alice.slice")) == "allow"
	verdict_on(create_in("/ds01.slice/ds01-student.slice/ds01-student-alice.slice")) == "allow"
}

test_other_objects_are_none_of_its_business if {
	verdict_on(asked(alice, "GET", "/images/json", null)) == "none"
	verdict_on(asked(alice, "POST", "/networks/create", null)) == "none"
	verdict_on(asked(alice, "GET", "/_ping", null)) == "none"
}

test_cgroups_of_the_system_are_refused if {
	verdict_on(create_in("system.slice")) == "deny"
	verdict_on(create_in("/system.slice/x")) == "deny"
	verdict_on(create_in("user.slice")) == "deny"
	verdict_on(create_in("/ds01.slice/../x")) == "deny"
	verdict_on(create_in("/ds01.slice//x")) == "deny"
}

test_not_even_for_administrators if {
	question := object.union(create_in("system.slice"), {"user": admin})
	verdict_on(question) == "deny"
}

test_another_version_is_refused if {
	verdict_on(object.union(asked(alice, "GET", "/_ping", null), {"version": 2})) == "deny"
	verdict_on({"request": {"method": "GET", "path": "/_ping"}, "user": alice}) == "deny"
}

test_a_body_that_is_no_object_does_no_harm if {
	verdict_on(object.union(asked(alice, "POST", "/containers/create", null), {"body": {"HostConfig": null}})) == "allow"
	verdict_on(object.union(asked(alice, "POST", "/containers/create", null), {"body": null})) == "allow"
}
