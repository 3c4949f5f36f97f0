#compdef boxship
# Made by: boxship completion zsh

_boxship_verbs() {
    local -a verbs=(
        'up:create and start the appliance, and wait until it is ready'
        'down:stop and remove what up made'
        'ps:show every service: what it should be and what it is'
        'status:ask every check: is all well, and what isn'"'"'t'
        'preflight:ask whether the appliance may be started here, and change nothing'
        'plan:show what up would do, and why'
        'logs:show what services wrote'
        'stats:show what each container uses'
        'events:show what happens to the containers'
        'images:show the services'"'"' images'
        'exec:run a command inside a service'"'"'s container'
        'run:run a command in a container like a service'"'"'s own'
        'restart:stop and start services, in order'
        'stop:stop services, dependents first'
        'start:start stopped services, in order'
        'reload:recreate or restart services and what depends on them'
        'kill:send a signal to services, dependents first'
        'pause:freeze services'
        'unpause:let frozen services run on'
        'rm:remove containers that have ended'
        'wait:wait until services have ended; their exit status'
        'cp:copy files into a service'"'"'s container, or out of it'
        'port:show where a service'"'"'s ports are published'
        'ip:show the addresses of services on each network'
        'top:show the processes of services'
        'build:make the appliance'"'"'s images'
        'pull:fetch the images that services need'
        'push:send the images that are built here to their registries'
        'platform:make the image of a box'"'"'s Loader, Config and CA'
        'release:make a release of the files and images, or show those of a registry or folder'
        'loader:look after an appliance on a box'
        'emulate:run the appliance as on a box, Loader and all'
        'install:let this host run an appliance'"'"'s Loader for ever'
        'uninstall:take away what install wrote'
        'watch:follow changes of files into what runs'
        'why:say what the box does or waits for, and why'
        'box:ask a box, and tell it what to do'
        'check:read the files and show every problem at once'
        'show:print the files as Boxship understands them'
        'config:print the files as docker compose'"'"'s config does'
        'graph:print who depends on whom'
        'import:write compose.yaml and appliance.yaml of a crane file'
        'init:write a first appliance.yaml beside a Compose file'
        'completion:print a script that completes the command line'
        'version:print versions'
    )
    _describe verb verbs
}

_boxship_verb_up() {
    _arguments -s \
        '(-d --detach)-d[return when every service is ready]' \
        '(-d --detach)--detach[return when every service is ready]' \
        '(--build)--build[build images first, also those that are there]' \
        '(--no-build)--no-build[never build]' \
        '(--force-recreate)--force-recreate[recreate containers that are as they should be]' \
        '(--no-recreate)--no-recreate[leave containers that differ as they are]' \
        '(--no-deps)--no-deps[only the services named, not what they depend on]' \
        '(--remove-orphans)--remove-orphans[remove services that the files no longer have]' \
        '*--scale[so many containers of a service, whatever the files say (repeatable)]:SERVICE=NUMBER:{_boxship_names services}' \
        '(-o --only)-o[only this service or target'"'"'s services]:NAME:{_boxship_names services}' \
        '(-o --only)--only[only this service or target'"'"'s services]:NAME:{_boxship_names services}' \
        '*-x[as if it were not in the files (repeatable)]:NAME:{_boxship_names services}' \
        '*--exclude[as if it were not in the files (repeatable)]:NAME:{_boxship_names services}' \
        '(--dependencies --include-deps)--dependencies[also what the named ones depend on]' \
        '(--dependencies --include-deps)--include-deps[also what the named ones depend on]' \
        '(--affected)--affected[also what is there and depends on the named ones]' \
        '(--tag)--tag[this tag for every image that isn'"'"'t named by digest]:TAG: ' \
        '(-V --renew-anon-volumes)-V[new anonymous volumes]' \
        '(-V --renew-anon-volumes)--renew-anon-volumes[new anonymous volumes]' \
        '(--pull)--pull[]:always,missing,never:(always missing never)' \
        '(-t --timeout)-t[grace time before a kill]:SECONDS: ' \
        '(-t --timeout)--timeout[grace time before a kill]:SECONDS: ' \
        '(--wait)--wait[always so with -d; here for compatibility]' \
        '(-w --watch)-w[follow changes of files as well, as watch does]' \
        '(-w --watch)--watch[follow changes of files as well, as watch does]' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '*:SERVICE:{_boxship_names services}' \
        && return
}

_boxship_verb_down() {
    _arguments -s \
        '(-v --volumes)-v[remove volumes too\: their data is lost]' \
        '(-v --volumes)--volumes[remove volumes too\: their data is lost]' \
        '(-t --timeout)-t[grace time before a kill]:SECONDS: ' \
        '(-t --timeout)--timeout[grace time before a kill]:SECONDS: ' \
        '(--remove-orphans)--remove-orphans[orphans always go; here for compatibility]' \
        '(-o --only)-o[only this service or target'"'"'s services]:NAME:{_boxship_names services}' \
        '(-o --only)--only[only this service or target'"'"'s services]:NAME:{_boxship_names services}' \
        '*-x[as if it were not in the files (repeatable)]:NAME:{_boxship_names services}' \
        '*--exclude[as if it were not in the files (repeatable)]:NAME:{_boxship_names services}' \
        '(--dependencies --include-deps)--dependencies[also what the named ones depend on]' \
        '(--dependencies --include-deps)--include-deps[also what the named ones depend on]' \
        '(--affected)--affected[also what is there and depends on the named ones]' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '*:SERVICE:{_boxship_names services}' \
        && return
}

_boxship_verb_ps() {
    _arguments -s \
        '(-q --quiet)-q[only container ids]' \
        '(-q --quiet)--quiet[only container ids]' \
        '(-a --all)-a[always so; here for compatibility]' \
        '(-a --all)--all[always so; here for compatibility]' \
        '(--services)--services[only the services'"'"' names]' \
        '*--status[only in this state (repeatable)]:STATE:(created running paused restarting removing exited dead missing)' \
        '*--filter[the same (repeatable)]:status=STATE: ' \
        '(--format)--format[table, json (docker compose'"'"'s, an object a line; --json is Boxship'"'"'s), or a template\: '"'"'{{.Service}}'"'"']:FORMAT: ' \
        '(--no-trunc)--no-trunc[whole ids, and nothing left out for narrow terminals]' \
        '(-o --only)-o[only this service or target'"'"'s services]:NAME:{_boxship_names services}' \
        '(-o --only)--only[only this service or target'"'"'s services]:NAME:{_boxship_names services}' \
        '*-x[as if it were not in the files (repeatable)]:NAME:{_boxship_names services}' \
        '*--exclude[as if it were not in the files (repeatable)]:NAME:{_boxship_names services}' \
        '(--dependencies --include-deps)--dependencies[also what the named ones depend on]' \
        '(--dependencies --include-deps)--include-deps[also what the named ones depend on]' \
        '(--affected)--affected[also what is there and depends on the named ones]' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '*:SERVICE:{_boxship_names services}' \
        && return
}

_boxship_verb_status() {
    _arguments -s \
        '(--format)--format[default\: text]:text,json,prometheus:(text json prometheus)' \
        '(--prometheus)--prometheus[the same as --format prometheus]' \
        '*--ignore[leave a check out, by its name (repeatable)]:CHECK: ' \
        '(--strict)--strict[exit with 8 also for what is only degraded]' \
        '(--max-age)--max-age[how old answers may be (default\: 5s); 0 asks anew]:TIME: ' \
        '(--fresh)--fresh[ask anew, whatever was found a moment ago]' \
        '(-q --quiet)-q[print only what is wrong]' \
        '(-q --quiet)--quiet[print only what is wrong]' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '*:SERVICE:{_boxship_names services}' \
        && return
}

_boxship_verb_preflight() {
    _arguments -s \
        '(--strict)--strict[exit with 8 also for what is only doubtful]' \
        '(-q --quiet)-q[print only what is wrong]' \
        '(-q --quiet)--quiet[print only what is wrong]' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        && return
}

_boxship_verb_plan() {
    _arguments -s \
        '(--force-recreate)--force-recreate[as for up]' \
        '(--no-recreate)--no-recreate[as for up]' \
        '(--no-deps)--no-deps[as for up]' \
        '(--remove-orphans)--remove-orphans[as for up]' \
        '*--scale[so many containers of a service, whatever the files say (repeatable)]:SERVICE=NUMBER:{_boxship_names services}' \
        '(-o --only)-o[only this service or target'"'"'s services]:NAME:{_boxship_names services}' \
        '(-o --only)--only[only this service or target'"'"'s services]:NAME:{_boxship_names services}' \
        '*-x[as if it were not in the files (repeatable)]:NAME:{_boxship_names services}' \
        '*--exclude[as if it were not in the files (repeatable)]:NAME:{_boxship_names services}' \
        '(--dependencies --include-deps)--dependencies[also what the named ones depend on]' \
        '(--dependencies --include-deps)--include-deps[also what the named ones depend on]' \
        '(--affected)--affected[also what is there and depends on the named ones]' \
        '(--tag)--tag[this tag for every image that isn'"'"'t named by digest]:TAG: ' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '*:SERVICE:{_boxship_names services}' \
        && return
}

_boxship_verb_logs() {
    _arguments -s \
        '(-f --follow)-f[go on as they write, also after restarts]' \
        '(-f --follow)--follow[go on as they write, also after restarts]' \
        '(-n --tail)-n[only the last lines of each]:LINES: ' \
        '(-n --tail)--tail[only the last lines of each]:LINES: ' \
        '(--since)--since[from then on\: 10m, 1h30m, RFC 3339, unix seconds]:TIME: ' \
        '(--until)--until[up to then]:TIME: ' \
        '(-g --grep)-g[only lines that match (a regular expression)]:PATTERN: ' \
        '(-g --grep)--grep[only lines that match (a regular expression)]:PATTERN: ' \
        '(-i --ignore-case)-i[--grep\: capital or small is the same]' \
        '(-i --ignore-case)--ignore-case[--grep\: capital or small is the same]' \
        '(-v --invert-match)-v[--grep\: only lines that don'"'"'t match]' \
        '(-v --invert-match)--invert-match[--grep\: only lines that don'"'"'t match]' \
        '(--index)--index[which of a service'"'"'s containers]:NUMBER: ' \
        '(-t --timestamps)-t[with the time of each line]' \
        '(-t --timestamps)--timestamps[with the time of each line]' \
        '(--no-color)--no-color[without colours]' \
        '(--no-log-prefix)--no-log-prefix[without the services'"'"' names]' \
        '(-o --only)-o[only this service or target'"'"'s services]:NAME:{_boxship_names services}' \
        '(-o --only)--only[only this service or target'"'"'s services]:NAME:{_boxship_names services}' \
        '*-x[as if it were not in the files (repeatable)]:NAME:{_boxship_names services}' \
        '*--exclude[as if it were not in the files (repeatable)]:NAME:{_boxship_names services}' \
        '(--dependencies --include-deps)--dependencies[also what the named ones depend on]' \
        '(--dependencies --include-deps)--include-deps[also what the named ones depend on]' \
        '(--affected)--affected[also what is there and depends on the named ones]' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '*:SERVICE:{_boxship_names services}' \
        && return
}

_boxship_verb_stats() {
    _arguments -s \
        '(-a --all)-a[also those that don'"'"'t run]' \
        '(-a --all)--all[also those that don'"'"'t run]' \
        '(--no-stream)--no-stream[once, not again and again]' \
        '(--sort)--sort[default\: name]:cpu,memory,name:(cpu memory name)' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '*:SERVICE:{_boxship_names services}' \
        && return
}

_boxship_verb_events() {
    _arguments -s \
        '(--since)--since[from then on\: 10m, 1h30m, RFC 3339, unix seconds]:TIME: ' \
        '(--until)--until[up to then; default\: until ^C]:TIME: ' \
        '(-a --all)-a[also commands inside them\: health checks and exec]' \
        '(-a --all)--all[also commands inside them\: health checks and exec]' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '*:SERVICE:{_boxship_names services}' \
        && return
}

_boxship_verb_images() {
    _arguments -s \
        '(-q --quiet)-q[only the images'"'"' ids]' \
        '(-q --quiet)--quiet[only the images'"'"' ids]' \
        '(--format)--format[json is --json (default\: table)]:table,json:(table json)' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '*:SERVICE:{_boxship_names services}' \
        && return
}

_boxship_verb_exec() {
    _arguments -s \
        '(-d --detach)-d[don'"'"'t wait for it]' \
        '(-d --detach)--detach[don'"'"'t wait for it]' \
        '(-T --no-tty --no-TTY)-T[no terminal]' \
        '(-T --no-tty --no-TTY)--no-tty[no terminal]' \
        '(-T --no-tty --no-TTY)--no-TTY[no terminal]' \
        '(-i --interactive)-i[always so; here for habit]' \
        '(-i --interactive)--interactive[always so; here for habit]' \
        '(-t --tty)-t[on a terminal always so; here for habit]' \
        '(-t --tty)--tty[on a terminal always so; here for habit]' \
        '(-u --user)-u[run as this user]:USER: ' \
        '(-u --user)--user[run as this user]:USER: ' \
        '(-w --workdir)-w[in this directory]:DIR:_files -/' \
        '(-w --workdir)--workdir[in this directory]:DIR:_files -/' \
        '*-e[variable (repeatable)]:KEY=VALUE: ' \
        '*--env[variable (repeatable)]:KEY=VALUE: ' \
        '(--index)--index[which of its containers (default\: the first)]:NUMBER: ' \
        '(--privileged)--privileged[with all capabilities]' \
        '(--detach-keys)--detach-keys[what to type to leave it running (default\: ctrl-p,ctrl-q)]:KEYS: ' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '1:SERVICE:{_boxship_names services}' \
        '*:COMMAND: ' \
        && return
}

_boxship_verb_run() {
    _arguments -s \
        '(-d --detach)-d[print its name and don'"'"'t wait for it]' \
        '(-d --detach)--detach[print its name and don'"'"'t wait for it]' \
        '(--rm)--rm[remove the container when it has ended, however that is]' \
        '(--no-deps)--no-deps[don'"'"'t start what the service depends on]' \
        '(-T --no-tty --no-TTY)-T[no terminal]' \
        '(-T --no-tty --no-TTY)--no-tty[no terminal]' \
        '(-T --no-tty --no-TTY)--no-TTY[no terminal]' \
        '(-i --interactive)-i[always so; here for habit]' \
        '(-i --interactive)--interactive[always so; here for habit]' \
        '(-t --tty)-t[on a terminal always so; here for habit]' \
        '(-t --tty)--tty[on a terminal always so; here for habit]' \
        '*-e[variable (repeatable)]:KEY=VALUE: ' \
        '*--env[variable (repeatable)]:KEY=VALUE: ' \
        '(-u --user)-u[run as this user]:USER: ' \
        '(-u --user)--user[run as this user]:USER: ' \
        '(-w --workdir)-w[in this directory]:DIR:_files -/' \
        '(-w --workdir)--workdir[in this directory]:DIR:_files -/' \
        '(--entrypoint)--entrypoint[instead of the image'"'"'s or service'"'"'s entrypoint]:COMMAND: ' \
        '*-v[one more mount (repeatable)]:SOURCE TARGET: ' \
        '*--volume[one more mount (repeatable)]:SOURCE TARGET: ' \
        '(-P --service-ports)-P[publish the service'"'"'s ports]' \
        '(-P --service-ports)--service-ports[publish the service'"'"'s ports]' \
        '*-p[publish a port (repeatable)]:HOST CONTAINER: ' \
        '*--publish[publish a port (repeatable)]:HOST CONTAINER: ' \
        '(--name)--name[the container'"'"'s name]:NAME: ' \
        '*-l[label (repeatable)]:KEY=VALUE: ' \
        '*--label[label (repeatable)]:KEY=VALUE: ' \
        '(--use-aliases)--use-aliases[answer to the service'"'"'s names as well]' \
        '*--cap-add[capability (repeatable)]:NAME: ' \
        '*--cap-drop[capability (repeatable)]:NAME: ' \
        '(--build)--build[build the images first]' \
        '(--pull)--pull[]:always,missing,never:(always missing never)' \
        '(--detach-keys)--detach-keys[what to type to leave it running (default\: ctrl-p,ctrl-q)]:KEYS: ' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '1:SERVICE:{_boxship_names services}' \
        '*:COMMAND: ' \
        && return
}

_boxship_verb_restart() {
    _arguments -s \
        '(-t --timeout)-t[grace time before a kill]:SECONDS: ' \
        '(-t --timeout)--timeout[grace time before a kill]:SECONDS: ' \
        '(-o --only)-o[only this service or target'"'"'s services]:NAME:{_boxship_names services}' \
        '(-o --only)--only[only this service or target'"'"'s services]:NAME:{_boxship_names services}' \
        '*-x[as if it were not in the files (repeatable)]:NAME:{_boxship_names services}' \
        '*--exclude[as if it were not in the files (repeatable)]:NAME:{_boxship_names services}' \
        '(--dependencies --include-deps)--dependencies[also what the named ones depend on]' \
        '(--dependencies --include-deps)--include-deps[also what the named ones depend on]' \
        '(--affected)--affected[also what is there and depends on the named ones]' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '*:SERVICE:{_boxship_names services}' \
        && return
}

_boxship_verb_stop() {
    _arguments -s \
        '(-t --timeout)-t[grace time before a kill]:SECONDS: ' \
        '(-t --timeout)--timeout[grace time before a kill]:SECONDS: ' \
        '(-o --only)-o[only this service or target'"'"'s services]:NAME:{_boxship_names services}' \
        '(-o --only)--only[only this service or target'"'"'s services]:NAME:{_boxship_names services}' \
        '*-x[as if it were not in the files (repeatable)]:NAME:{_boxship_names services}' \
        '*--exclude[as if it were not in the files (repeatable)]:NAME:{_boxship_names services}' \
        '(--dependencies --include-deps)--dependencies[also what the named ones depend on]' \
        '(--dependencies --include-deps)--include-deps[also what the named ones depend on]' \
        '(--affected)--affected[also what is there and depends on the named ones]' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '*:SERVICE:{_boxship_names services}' \
        && return
}

_boxship_verb_start() {
    _arguments -s \
        '(-o --only)-o[only this service or target'"'"'s services]:NAME:{_boxship_names services}' \
        '(-o --only)--only[only this service or target'"'"'s services]:NAME:{_boxship_names services}' \
        '*-x[as if it were not in the files (repeatable)]:NAME:{_boxship_names services}' \
        '*--exclude[as if it were not in the files (repeatable)]:NAME:{_boxship_names services}' \
        '(--dependencies --include-deps)--dependencies[also what the named ones depend on]' \
        '(--dependencies --include-deps)--include-deps[also what the named ones depend on]' \
        '(--affected)--affected[also what is there and depends on the named ones]' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '*:SERVICE:{_boxship_names services}' \
        && return
}

_boxship_verb_reload() {
    _arguments -s \
        '(--no-dependents)--no-dependents[leave alone what depends on them]' \
        '(--build)--build[build their images first]' \
        '(-t --timeout)-t[grace time before a kill]:SECONDS: ' \
        '(-t --timeout)--timeout[grace time before a kill]:SECONDS: ' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '*:SERVICE:{_boxship_names services}' \
        && return
}

_boxship_verb_kill() {
    _arguments -s \
        '(-s --signal)-s[which signal (default\: SIGKILL)]:SIGNAL: ' \
        '(-s --signal)--signal[which signal (default\: SIGKILL)]:SIGNAL: ' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '*:SERVICE:{_boxship_names services}' \
        && return
}

_boxship_verb_pause() {
    _arguments -s \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '*:SERVICE:{_boxship_names services}' \
        && return
}

_boxship_verb_unpause() {
    _arguments -s \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '*:SERVICE:{_boxship_names services}' \
        && return
}

_boxship_verb_rm() {
    _arguments -s \
        '(-f --force)-f[don'"'"'t ask]' \
        '(-f --force)--force[don'"'"'t ask]' \
        '(-s --stop)-s[stop those that run first]' \
        '(-s --stop)--stop[stop those that run first]' \
        '(-v --volumes)-v[their anonymous volumes too\: data is lost]' \
        '(-v --volumes)--volumes[their anonymous volumes too\: data is lost]' \
        '(-t --timeout)-t[grace time before a kill]:SECONDS: ' \
        '(-t --timeout)--timeout[grace time before a kill]:SECONDS: ' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '*:SERVICE:{_boxship_names services}' \
        && return
}

_boxship_verb_wait() {
    _arguments -s \
        '(--down-project --down)--down-project[take all down when the first has ended]' \
        '(--down-project --down)--down[take all down when the first has ended]' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '*:SERVICE:{_boxship_names services}' \
        && return
}

_boxship_verb_cp() {
    _arguments -s \
        '(-a --archive)-a[keep the owners'"'"' numbers and all of the modes]' \
        '(-a --archive)--archive[keep the owners'"'"' numbers and all of the modes]' \
        '(-L --follow-link)-L[if SOURCE is a link, copy what it leads to]' \
        '(-L --follow-link)--follow-link[if SOURCE is a link, copy what it leads to]' \
        '(--index)--index[which of its containers (default\: the first)]:NUMBER: ' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '1:SOURCE: ' \
        '2:TARGET: ' \
        && return
}

_boxship_verb_port() {
    _arguments -s \
        '(--protocol)--protocol[default\: tcp]:tcp,udp,sctp:(tcp udp sctp)' \
        '(--index)--index[which of its containers (default\: the first)]:NUMBER: ' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '1:SERVICE:{_boxship_names services}' \
        '2::PORT: ' \
        && return
}

_boxship_verb_ip() {
    _arguments -s \
        '(-q --quiet)-q[only the addresses]' \
        '(-q --quiet)--quiet[only the addresses]' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '*:SERVICE:{_boxship_names services}' \
        && return
}

_boxship_verb_top() {
    _arguments -s \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '*:SERVICE:{_boxship_names services}' \
        && return
}

_boxship_verb_build() {
    _arguments -s \
        '(--no-cache)--no-cache[run every step again]' \
        '(--pull)--pull[ask the registry for newer base images]' \
        '*--build-arg[a value for ARG, over the files'"'"'; without one, the variable of the environment (repeatable)]:NAME[=VALUE]: ' \
        '(--sizes)--sizes[then show how large images are, and which layers are]' \
        '(--buildkit)--buildkit[build with BuildKit, also what needs none]' \
        '(--no-buildkit)--no-buildkit[only with the engine'"'"'s own builder]' \
        '(-q --quiet)-q[only say what failed]' \
        '(-q --quiet)--quiet[only say what failed]' \
        '(--progress)--progress[how to show what happens (auto)]:auto,tty,plain,json,quiet:(auto tty plain json quiet)' \
        '(-o --only)-o[only this service or target'"'"'s services]:NAME:{_boxship_names services}' \
        '(-o --only)--only[only this service or target'"'"'s services]:NAME:{_boxship_names services}' \
        '*-x[as if it were not in the files (repeatable)]:NAME:{_boxship_names services}' \
        '*--exclude[as if it were not in the files (repeatable)]:NAME:{_boxship_names services}' \
        '(--dependencies --include-deps)--dependencies[also what the named ones depend on]' \
        '(--dependencies --include-deps)--include-deps[also what the named ones depend on]' \
        '(--affected)--affected[also what is there and depends on the named ones]' \
        '(--tag)--tag[this tag for every image that isn'"'"'t named by digest]:TAG: ' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '*:SERVICE:{_boxship_names services}' \
        && return
}

_boxship_verb_pull() {
    _arguments -s \
        '(--policy)--policy[instead of the services'"'"' pull_policy]:always,missing:(always missing)' \
        '(--ignore-pull-failures)--ignore-pull-failures[what can'"'"'t be pulled is a warning]' \
        '(--ignore-buildable)--ignore-buildable[leave out what could be built]' \
        '(-q --quiet)-q[only say what failed]' \
        '(-q --quiet)--quiet[only say what failed]' \
        '(-o --only)-o[only this service or target'"'"'s services]:NAME:{_boxship_names services}' \
        '(-o --only)--only[only this service or target'"'"'s services]:NAME:{_boxship_names services}' \
        '*-x[as if it were not in the files (repeatable)]:NAME:{_boxship_names services}' \
        '*--exclude[as if it were not in the files (repeatable)]:NAME:{_boxship_names services}' \
        '(--dependencies --include-deps)--dependencies[also what the named ones depend on]' \
        '(--dependencies --include-deps)--include-deps[also what the named ones depend on]' \
        '(--affected)--affected[also what is there and depends on the named ones]' \
        '(--tag)--tag[this tag for every image that isn'"'"'t named by digest]:TAG: ' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '*:SERVICE:{_boxship_names services}' \
        && return
}

_boxship_verb_push() {
    _arguments -s \
        '(--ignore-push-failures)--ignore-push-failures[what can'"'"'t be pushed is a warning]' \
        '(-q --quiet)-q[only say what failed]' \
        '(-q --quiet)--quiet[only say what failed]' \
        '(-o --only)-o[only this service or target'"'"'s services]:NAME:{_boxship_names services}' \
        '(-o --only)--only[only this service or target'"'"'s services]:NAME:{_boxship_names services}' \
        '*-x[as if it were not in the files (repeatable)]:NAME:{_boxship_names services}' \
        '*--exclude[as if it were not in the files (repeatable)]:NAME:{_boxship_names services}' \
        '(--dependencies --include-deps)--dependencies[also what the named ones depend on]' \
        '(--dependencies --include-deps)--include-deps[also what the named ones depend on]' \
        '(--affected)--affected[also what is there and depends on the named ones]' \
        '(--tag)--tag[this tag for every image that isn'"'"'t named by digest]:TAG: ' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '*:SERVICE:{_boxship_names services}' \
        && return
}

_boxship_verb_platform() {
    _arguments -s \
        '(-t --tag)-t[its name (default\: boxship/platform\:0.1.0)]:REF: ' \
        '(-t --tag)--tag[its name (default\: boxship/platform\:0.1.0)]:REF: ' \
        '(-q --quiet)-q[only print the image'"'"'s id]' \
        '(-q --quiet)--quiet[only print the image'"'"'s id]' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '1:build:(build)' \
        && return
}

_boxship_verb_release() {
    _arguments -s \
        '(-o --output)-o[create\: keep it there, beside earlier ones]:FOLDER:_files -/' \
        '(-o --output)--output[create\: keep it there, beside earlier ones]:FOLDER:_files -/' \
        '(--push)--push[create\: send it to the registry]' \
        '(--registry)--registry[create\: instead of registry\: in appliance.yaml]:REPOSITORY: ' \
        '(--platform)--platform[create\: the image of Loader, Config and CA]:IMAGE: ' \
        '(--minimum-version)--minimum-version[create\: the oldest version to come from]:VERSION: ' \
        '(--data-compat)--data-compat[create\: whether the version before can read what this one writes]:compatible,breaking:(compatible breaking)' \
        '(--include-secrets)--include-secrets[create\: also what looks like a secret]' \
        '(--replace)--replace[create\: in place of the same version]' \
        '(--ca)--ca[an authority to believe for the registry'"'"'s certificate]:FILE:_files' \
        '(--insecure)--insecure[let the registry do without TLS]' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '1:create|list|show:(create list show)' \
        '*:SOURCE: ' \
        && return
}

_boxship_verb_loader() {
    _arguments -s \
        '(--state)--state[what the box remembers (/var/lib/boxship/NAME)]:FOLDER:_files -/' \
        '(--run)--run[its socket (/run/boxship/NAME)]:FOLDER:_files -/' \
        '(--page-port)--page-port[the page (8480)]:PORT: ' \
        '(--front-port)--front-port[an empty box'"'"'s page as well (80 where it is installed; 0\: none)]:PORT: ' \
        '(--api-port)--api-port[the API (8481)]:PORT: ' \
        '(--source)--source[where a new box gets its releases from]:PLACE: ' \
        '(--ca)--ca[an authority to believe for the registry'"'"'s certificate]:FILE:_files' \
        '*--insecure[a registry that may do without TLS (repeatable)]:HOST: ' \
        '(--update-check)--update-check[how often the source is asked for newer releases (12); 0\: never]:HOURS: ' \
        '(--check)--check[only see whether it could look after this box]' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        && return
}

_boxship_verb_emulate() {
    _arguments -s \
        '(--image)--image[the Loader'"'"'s image (default\: boxship/platform\:0.1.0, which is made if it isn'"'"'t here)]:REF: ' \
        '(--state)--state[where the box keeps what it knows (default\: .boxship)]:DIR:_files -/' \
        '(--remove)--remove[remove that folder and the Loader'"'"'s containers instead]' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '*:OPTION: ' \
        && return
}

_boxship_verb_install() {
    _arguments -s \
        '(--release)--release[a release to begin with, of a registry'"'"'s repository or a folder (default\: its newest)]:SOURCE [VERSION]: ' \
        '(--image)--image[the Loader'"'"'s image (default\: boxship/platform\:0.1.0, which is made if it isn'"'"'t here)]:REF: ' \
        '(--ca)--ca[an authority to believe for the registry'"'"'s certificate]:FILE:_files' \
        '(--insecure)--insecure[let the registry do without TLS]' \
        '(--root)--root[install into this tree of files instead]:DIR:_files -/' \
        '(--no-preflight)--no-preflight[don'"'"'t ask whether this host is fit for it]' \
        '(--no-command)--no-command[leave out the command boxship for people]' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '*:OPTION: ' \
        && return
}

_boxship_verb_uninstall() {
    _arguments -s \
        '(--root)--root[the tree of files that it was installed into]:DIR:_files -/' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        && return
}

_boxship_verb_watch() {
    _arguments -s \
        '(--no-up)--no-up[don'"'"'t build and start the services first]' \
        '(--prune --no-prune)--prune[remove the image that a rebuild replaced (default\: yes)]' \
        '(--prune --no-prune)--no-prune[remove the image that a rebuild replaced (default\: yes)]' \
        '(--quiet)--quiet[only say what failed]' \
        '(-o --only)-o[only this service or target'"'"'s services]:NAME:{_boxship_names services}' \
        '(-o --only)--only[only this service or target'"'"'s services]:NAME:{_boxship_names services}' \
        '*-x[as if it were not in the files (repeatable)]:NAME:{_boxship_names services}' \
        '*--exclude[as if it were not in the files (repeatable)]:NAME:{_boxship_names services}' \
        '(--dependencies --include-deps)--dependencies[also what the named ones depend on]' \
        '(--dependencies --include-deps)--include-deps[also what the named ones depend on]' \
        '(--affected)--affected[also what is there and depends on the named ones]' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '*:SERVICE:{_boxship_names services}' \
        && return
}

_boxship_verb_why() {
    _arguments -s \
        '(--socket)--socket[the box'"'"'s socket (BOXSHIP_SOCKET)]:PATH:_files' \
        '(--url)--url[the box'"'"'s address instead (BOXSHIP_URL)]:URL: ' \
        '(--token-file)--token-file[a file with the token (BOXSHIP_TOKEN_FILE)]:FILE:_files' \
        '(--ca)--ca[authorities to believe for an https address (BOXSHIP_CA_FILE)]:FILE:_files' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        && return
}

_boxship_verb_box() {
    _arguments -s \
        '(-d --detach)-d[print the operation'"'"'s id and don'"'"'t wait for it]' \
        '(-d --detach)--detach[print the operation'"'"'s id and don'"'"'t wait for it]' \
        '(--socket)--socket[the box'"'"'s socket (BOXSHIP_SOCKET)]:PATH:_files' \
        '(--url)--url[the box'"'"'s address instead (BOXSHIP_URL)]:URL: ' \
        '(--token-file)--token-file[a file with the token (BOXSHIP_TOKEN_FILE)]:FILE:_files' \
        '(--ca)--ca[authorities to believe for an https address (BOXSHIP_CA_FILE)]:FILE:_files' \
        '(--strict)--strict[exit with 8 also for what is only degraded]' \
        '(--fresh)--fresh[ask anew, whatever was found a moment ago]' \
        '*--ignore[leave a check out, by its name (repeatable)]:CHECK: ' \
        '(--allow-downgrade)--allow-downgrade[also to an older version]' \
        '(--verify)--verify[full\: compare all copied data by content, as downtime (default\: what the last pass touched)]:touched,full:(touched full)' \
        '(-y --yes)-y[don'"'"'t ask, though all that runs there stops]' \
        '(-y --yes)--yes[don'"'"'t ask, though all that runs there stops]' \
        '(--limit)--limit[how many (default\: 100)]:NUMBER: ' \
        '(--follow)--follow[go on with what it writes from now on]' \
        '(--after)--after[only later entries]:NUMBER: ' \
        '(--tail)--tail[only so many of the last lines]:NUMBER: ' \
        '*--scope[admin, read, status, logs\:SERVICE or heartbeat\:SERVICE (repeatable)]:SCOPE: ' \
        '(--expires)--expires[after how long\: 12h, 30d (default\: never)]:TIME: ' \
        '(--replace)--replace[revoke others of this name]' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '1:VERB:(boot status why versions pull switch rollback gc operations operation cancel events logs restart maintenance source containers tokens audit host reboot shutdown)' \
        && return
}

_boxship_verb_check() {
    _arguments -s \
        '(-q --quiet)-q[print nothing when all is well]' \
        '(-q --quiet)--quiet[print nothing when all is well]' \
        '(--format)--format[json is --json; github makes annotations of a workflow (default\: text)]:text,json,github:(text json github)' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        && return
}

_boxship_verb_show() {
    _arguments -s \
        '(--format)--format[default\: yaml]:json,compose,yaml:(json compose yaml)' \
        '(--services)--services[only the names of the services]' \
        '(--schema)--schema[the JSON Schema of appliance.yaml; reads no files]' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        && return
}

_boxship_verb_config() {
    _arguments -s \
        '(--format)--format[default\: yaml]:yaml,json:(yaml json)' \
        '(-q --quiet)-q[only check; print nothing]' \
        '(-q --quiet)--quiet[only check; print nothing]' \
        '(-o --output)-o[write it there]:FILE:_files' \
        '(-o --output)--output[write it there]:FILE:_files' \
        '(--no-interpolate)--no-interpolate[leave variables as they are written; types aren'"'"'t checked then]' \
        '(--services)--services[only the services'"'"' names]' \
        '(--images)--images[only the images'"'"' names]' \
        '(--volumes)--volumes[only the volumes'"'"' keys]' \
        '(--networks)--networks[only the networks'"'"' keys]' \
        '(--profiles)--profiles[only the profiles'"'"' names]' \
        '(--hash)--hash[only a digest of this service ('"'"'*'"'"'\: of each)]:SERVICE:{_boxship_names services}' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '*:SERVICE:{_boxship_names services}' \
        && return
}

_boxship_verb_graph() {
    _arguments -s \
        '(--format)--format[default\: text]:text,dot,mermaid,json:(text dot mermaid json)' \
        '(-o --only)-o[only this service or target'"'"'s services]:NAME:{_boxship_names services}' \
        '(-o --only)--only[only this service or target'"'"'s services]:NAME:{_boxship_names services}' \
        '*-x[as if it were not in the files (repeatable)]:NAME:{_boxship_names services}' \
        '*--exclude[as if it were not in the files (repeatable)]:NAME:{_boxship_names services}' \
        '(--dependencies --include-deps)--dependencies[also what the named ones depend on]' \
        '(--dependencies --include-deps)--include-deps[also what the named ones depend on]' \
        '(--affected)--affected[also what is there and depends on the named ones]' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        && return
}

_boxship_verb_import() {
    _arguments -s \
        '(-o --output)-o[where to write (default\: beside the crane file)]:DIR:_files -/' \
        '(-o --output)--output[where to write (default\: beside the crane file)]:DIR:_files -/' \
        '(--force)--force[overwrite files that are there]' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '*:FILE:_files' \
        && return
}

_boxship_verb_init() {
    _arguments -s \
        '(--force)--force[overwrite the appliance.yaml that is there]' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        && return
}

_boxship_verb_completion() {
    _arguments -s \
        '(--list)--list[print such names of the files; what the scripts ask for]:services,targets,profiles:(services targets profiles)' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '1::bash|zsh|fish:(bash zsh fish)' \
        && return
}

_boxship_verb_version() {
    _arguments -s \
        '(-s --short)-s[only Boxship'"'"'s own version]' \
        '(-s --short)--short[only Boxship'"'"'s own version]' \
        '(--help)--help[show this help message and exit]' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(--project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        && return
}

_boxship_names() {
    local -a names
    names=(${(f)"$(_call_program names boxship $_boxship_given completion --list $1 2>/dev/null)"})
    compadd -a names
}

_boxship() {
    local curcontext=$curcontext state line
    local -a _boxship_given
    typeset -A opt_args
    _arguments -C \
        '(-h --help)-h[show this help message and exit]' \
        '(-h --help)--help[show this help message and exit]' \
        '*-f[compose or appliance file (repeatable)]:FILE:_files' \
        '*--file[compose or appliance file (repeatable)]:FILE:_files' \
        '(-p --project-name)-p[the appliance'"'"'s name]:NAME: ' \
        '(-p --project-name)--project-name[the appliance'"'"'s name]:NAME: ' \
        '*--env-file[variables, instead of .env (repeatable)]:FILE:_files' \
        '(--project-directory)--project-directory[where to look for the files]:DIR:_files -/' \
        '*--profile[activate a profile (repeatable)]:NAME:{_boxship_names profiles}' \
        '(--target)--target[the target to boot]:NAME:{_boxship_names targets}' \
        '(--dry-run)--dry-run[say what would be done and why, and change nothing]' \
        '(--lax)--lax[unknown keys are warnings, for legacy files]' \
        '(--json)--json[print data instead of text]' \
        '(--debug)--debug[show tracebacks]' \
        '(--version)--version[print the version]' \
        '1: :_boxship_verbs' \
        '*:: :->rest' && return
    [[ $state == rest ]] || return
    local option
    for option in ${(k)opt_args}; do
        case $option in -f|--file|-p|--project-name|--project-directory|--env-file)
            _boxship_given+=($option ${(Q)opt_args[$option]}) ;;
        esac
    done
    (( $+functions[_boxship_verb_$line[1]] )) && _boxship_verb_$line[1]
}

# Loaded by name from $fpath it is called; sourced it is made known.
if [[ $funcstack[1] == _boxship ]]; then _boxship "$@"; else compdef _boxship boxship; fi
