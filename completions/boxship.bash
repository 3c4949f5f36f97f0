# Made by: boxship completion bash
_boxship_value() {
    case "$1:$2" in
        up:--scale) echo services ;;
        up:-o|up:--only) echo services ;;
        up:-x|up:--exclude) echo services ;;
        up:--tag) echo other ;;
        up:--pull) echo =always,missing,never ;;
        up:-t|up:--timeout) echo other ;;
        down:-t|down:--timeout) echo other ;;
        down:-o|down:--only) echo services ;;
        down:-x|down:--exclude) echo services ;;
        ps:--status) echo =created,running,paused,restarting,removing,exited,dead,missing ;;
        ps:--filter) echo other ;;
        ps:--format) echo other ;;
        ps:-o|ps:--only) echo services ;;
        ps:-x|ps:--exclude) echo services ;;
        status:--format) echo =text,json,prometheus ;;
        status:--ignore) echo other ;;
        status:--max-age) echo other ;;
        plan:--scale) echo services ;;
        plan:-o|plan:--only) echo services ;;
        plan:-x|plan:--exclude) echo services ;;
        plan:--tag) echo other ;;
        logs:-n|logs:--tail) echo other ;;
        logs:--since) echo other ;;
        logs:--until) echo other ;;
        logs:-g|logs:--grep) echo other ;;
        logs:--index) echo other ;;
        logs:-o|logs:--only) echo services ;;
        logs:-x|logs:--exclude) echo services ;;
        logs:-f) ;;
        stats:--sort) echo =cpu,memory,name ;;
        events:--since) echo other ;;
        events:--until) echo other ;;
        images:--format) echo =table,json ;;
        exec:-u|exec:--user) echo other ;;
        exec:-w|exec:--workdir) echo folders ;;
        exec:-e|exec:--env) echo other ;;
        exec:--index) echo other ;;
        exec:--detach-keys) echo other ;;
        run:-e|run:--env) echo other ;;
        run:-u|run:--user) echo other ;;
        run:-w|run:--workdir) echo folders ;;
        run:--entrypoint) echo other ;;
        run:-v|run:--volume) echo other ;;
        run:-p|run:--publish) echo other ;;
        run:--name) echo other ;;
        run:-l|run:--label) echo other ;;
        run:--cap-add) echo other ;;
        run:--cap-drop) echo other ;;
        run:--pull) echo =always,missing,never ;;
        run:--detach-keys) echo other ;;
        restart:-t|restart:--timeout) echo other ;;
        restart:-o|restart:--only) echo services ;;
        restart:-x|restart:--exclude) echo services ;;
        stop:-t|stop:--timeout) echo other ;;
        stop:-o|stop:--only) echo services ;;
        stop:-x|stop:--exclude) echo services ;;
        start:-o|start:--only) echo services ;;
        start:-x|start:--exclude) echo services ;;
        reload:-t|reload:--timeout) echo other ;;
        kill:-s|kill:--signal) echo other ;;
        rm:-t|rm:--timeout) echo other ;;
        rm:-f) ;;
        cp:--index) echo other ;;
        port:--protocol) echo =tcp,udp,sctp ;;
        port:--index) echo other ;;
        build:--build-arg) echo other ;;
        build:--progress) echo =auto,tty,plain,json,quiet ;;
        build:-o|build:--only) echo services ;;
        build:-x|build:--exclude) echo services ;;
        build:--tag) echo other ;;
        pull:--policy) echo =always,missing ;;
        pull:-o|pull:--only) echo services ;;
        pull:-x|pull:--exclude) echo services ;;
        pull:--tag) echo other ;;
        push:-o|push:--only) echo services ;;
        push:-x|push:--exclude) echo services ;;
        push:--tag) echo other ;;
        platform:-t|platform:--tag) echo other ;;
        release:-o|release:--output) echo folders ;;
        release:--registry) echo other ;;
        release:--platform) echo other ;;
        release:--minimum-version) echo other ;;
        release:--data-compat) echo =compatible,breaking ;;
        release:--ca) echo files ;;
        loader:--state) echo folders ;;
        loader:--run) echo folders ;;
        loader:--page-port) echo other ;;
        loader:--front-port) echo other ;;
        loader:--api-port) echo other ;;
        loader:--source) echo other ;;
        loader:--ca) echo files ;;
        loader:--insecure) echo other ;;
        loader:--update-check) echo other ;;
        emulate:--image) echo other ;;
        emulate:--state) echo folders ;;
        install:--release) echo other ;;
        install:--image) echo other ;;
        install:--ca) echo files ;;
        install:--root) echo folders ;;
        uninstall:--root) echo folders ;;
        watch:-o|watch:--only) echo services ;;
        watch:-x|watch:--exclude) echo services ;;
        why:--socket) echo files ;;
        why:--url) echo other ;;
        why:--token-file) echo files ;;
        why:--ca) echo files ;;
        box:--socket) echo files ;;
        box:--url) echo other ;;
        box:--token-file) echo files ;;
        box:--ca) echo files ;;
        box:--ignore) echo other ;;
        box:--verify) echo =touched,full ;;
        box:--limit) echo other ;;
        box:--after) echo other ;;
        box:--tail) echo other ;;
        box:--scope) echo other ;;
        box:--expires) echo other ;;
        check:--format) echo =text,json,github ;;
        show:--format) echo =json,compose,yaml ;;
        config:--format) echo =yaml,json ;;
        config:-o|config:--output) echo files ;;
        config:--hash) echo services ;;
        graph:--format) echo =text,dot,mermaid,json ;;
        graph:-o|graph:--only) echo services ;;
        graph:-x|graph:--exclude) echo services ;;
        import:-o|import:--output) echo folders ;;
        completion:--list) echo =services,targets,profiles ;;
        *:-f|*:--file) echo files ;;
        *:-p|*:--project-name) echo other ;;
        *:--env-file) echo files ;;
        *:--project-directory) echo folders ;;
        *:--profile) echo profiles ;;
        *:--target) echo targets ;;
    esac
}

_boxship_verb() {
    verbs='up down ps status preflight plan logs stats events images exec run restart stop start reload kill pause unpause rm wait cp port ip top build pull push platform release loader emulate install uninstall watch why box check show config graph import init completion version'
    case $1 in
        '') options='-h --help -f --file -p --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug --version' ;;
        up) options='-d --detach --build --no-build --force-recreate --no-recreate --no-deps --remove-orphans --scale -o --only -x --exclude --dependencies --include-deps --affected --tag -V --renew-anon-volumes --pull -t --timeout --wait -w --watch --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(services) ;;
        down) options='-v --volumes -t --timeout --remove-orphans -o --only -x --exclude --dependencies --include-deps --affected --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(services) ;;
        ps) options='-q --quiet -a --all --services --status --filter --format --no-trunc -o --only -x --exclude --dependencies --include-deps --affected --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(services) ;;
        status) options='--format --prometheus --ignore --strict --max-age --fresh -q --quiet --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(services) ;;
        preflight) options='--strict -q --quiet --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=() ;;
        plan) options='--force-recreate --no-recreate --no-deps --remove-orphans --scale -o --only -x --exclude --dependencies --include-deps --affected --tag --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(services) ;;
        logs) options='-f --follow -n --tail --since --until -g --grep -i --ignore-case -v --invert-match --index -t --timestamps --no-color --no-log-prefix -o --only -x --exclude --dependencies --include-deps --affected --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(services) ;;
        stats) options='-a --all --no-stream --sort --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(services) ;;
        events) options='--since --until -a --all --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(services) ;;
        images) options='-q --quiet --format --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(services) ;;
        exec) options='-d --detach -T --no-tty --no-TTY -i --interactive -t --tty -u --user -w --workdir -e --env --index --privileged --detach-keys --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(services other) ;;
        run) options='-d --detach --rm --no-deps -T --no-tty --no-TTY -i --interactive -t --tty -e --env -u --user -w --workdir --entrypoint -v --volume -P --service-ports -p --publish --name -l --label --use-aliases --cap-add --cap-drop --build --pull --detach-keys --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(services other) ;;
        restart) options='-t --timeout -o --only -x --exclude --dependencies --include-deps --affected --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(services) ;;
        stop) options='-t --timeout -o --only -x --exclude --dependencies --include-deps --affected --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(services) ;;
        start) options='-o --only -x --exclude --dependencies --include-deps --affected --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(services) ;;
        reload) options='--no-dependents --build -t --timeout --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(services) ;;
        kill) options='-s --signal --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(services) ;;
        pause) options='--help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(services) ;;
        unpause) options='--help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(services) ;;
        rm) options='-f --force -s --stop -v --volumes -t --timeout --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(services) ;;
        wait) options='--down-project --down --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(services) ;;
        cp) options='-a --archive -L --follow-link --index --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(other other other) ;;
        port) options='--protocol --index --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(services other other) ;;
        ip) options='-q --quiet --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(services) ;;
        top) options='--help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(services) ;;
        build) options='--no-cache --pull --build-arg --sizes --buildkit --no-buildkit -q --quiet --progress -o --only -x --exclude --dependencies --include-deps --affected --tag --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(services) ;;
        pull) options='--policy --ignore-pull-failures --ignore-buildable -q --quiet -o --only -x --exclude --dependencies --include-deps --affected --tag --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(services) ;;
        push) options='--ignore-push-failures -q --quiet -o --only -x --exclude --dependencies --include-deps --affected --tag --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(services) ;;
        platform) options='-t --tag -q --quiet --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(=build other) ;;
        release) options='-o --output --push --registry --platform --minimum-version --data-compat --include-secrets --replace --ca --insecure --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(=create,list,show other) ;;
        loader) options='--state --run --page-port --front-port --api-port --source --ca --insecure --update-check --check --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=() ;;
        emulate) options='--image --state --remove --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(other) ;;
        install) options='--release --image --ca --insecure --root --no-preflight --no-command --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(other) ;;
        uninstall) options='--root --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=() ;;
        watch) options='--no-up --prune --no-prune --quiet -o --only -x --exclude --dependencies --include-deps --affected --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(services) ;;
        why) options='--socket --url --token-file --ca --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=() ;;
        box) options='-d --detach --socket --url --token-file --ca --strict --fresh --ignore --allow-downgrade --verify -y --yes --limit --follow --after --tail --scope --expires --replace --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(=boot,status,why,versions,pull,switch,rollback,gc,operations,operation,cancel,events,logs,restart,maintenance,source,containers,tokens,audit,host,reboot,shutdown other) ;;
        check) options='-q --quiet --format --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=() ;;
        show) options='--format --services --schema --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=() ;;
        config) options='--format -q --quiet -o --output --no-interpolate --services --images --volumes --networks --profiles --hash --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(services) ;;
        graph) options='--format -o --only -x --exclude --dependencies --include-deps --affected --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=() ;;
        import) options='-o --output --force --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(files) ;;
        init) options='--force --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=() ;;
        completion) options='--list --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=(=bash,zsh,fish other) ;;
        version) options='-s --short --help --file --project-name --env-file --project-directory --profile --target --dry-run --lax --json --debug'; kinds=() ;;
    esac
}

# Words of a kind for COMPREPLY: services, targets, profiles, files, folders, other, or =a,b,c.
_boxship_reply() {
    local IFS=$'\n'
    case $1 in
        services|targets|profiles)
            COMPREPLY=($(compgen -W "$(boxship "${given[@]}" completion --list "$1" 2>/dev/null)" -- "$cur")) ;;
        files) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$cur")) ;;
        folders) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- "$cur")) ;;
        =*) COMPREPLY=($(compgen -W "$(tr , '\n' <<<"${1#=}")" -- "$cur")) ;;
        other) COMPREPLY=() ;;
    esac
}

_boxship() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    local verb='' verbs='' options='' kinds=() given=() index=0 word kind
    # bash takes "--format=json" apart at the equals sign.
    if [[ $cur == = ]]; then cur=''; elif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi
    local at=1
    while (( at < COMP_CWORD )); do
        word=${COMP_WORDS[at]}
        if [[ $word == = ]]; then
            :
        elif [[ $word == -* ]]; then
            if [[ $(_boxship_value "$verb" "$word") ]] && (( at + 1 < COMP_CWORD )); then
                (( at += 1 ))
                if [[ ${COMP_WORDS[at]} == = ]]; then (( at += 1 )); fi
                if [[ ! $verb ]] && (( at < COMP_CWORD )); then given+=("$word" "${COMP_WORDS[at]}"); fi
            fi
        elif [[ ! $verb ]]; then
            verb=$word
        else
            (( index += 1 ))
        fi
        (( at += 1 ))
    done
    if [[ $prev == -* ]]; then
        kind=$(_boxship_value "$verb" "$prev")
        if [[ $kind ]]; then _boxship_reply "$kind"; return; fi
    fi
    _boxship_verb "$verb"
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$options" -- "$cur"))
    elif [[ ! $verb ]]; then
        COMPREPLY=($(compgen -W "$verbs" -- "$cur"))
    else
        (( index < ${#kinds[@]} )) || index=$(( ${#kinds[@]} - 1 ))
        (( index < 0 )) || _boxship_reply "${kinds[index]}"
    fi
}

complete -F _boxship boxship
