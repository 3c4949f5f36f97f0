#!/bin/sh
# sail: keeps the Loader of one appliance running on this host, for ever. It knows nothing of what the Loader does.
#
# It starts the image that $state/loader records, and starts it again whenever it ends. A start is good when the Loader
# writes $state/loader.reported. When $starts_limit starts in a row were not, the image of $state/loader.previous takes
# over. A Loader that hangs without ending is ended: while it is well, it writes $run/loader.alive anew. SIGTERM ends the Loader, which leaves the appliance's containers running, and then sail.
#
# What only the host can do is asked for through the pipe $run/sail.requests; $run/sail.host says what that is.
#
# Only exact names and fields are asked of the engine, and every call to it has a deadline, except for the one that
# waits until the Loader has ended. Any POSIX shell will do; sleep, stat, sync and timeout are those of coreutils.
set -u

# --- settings of this appliance, written by Boxship
appliance=example
container=boxship-loader-example
container_before=boxship-loader-example-Before
state=/var/lib/boxship/example
run=/run/boxship/example
socket=/var/run/docker.sock
loader_options=
source=
made_by=0
host_files=0
on_failure=restart
shows_log=no
starts_limit=3
first_pause_s=1
longest_pause_s=60
poll_s=1
report_polls=120
look_s=10
silent_looks=12
stop_s=30
call_s=60
systemd=/run/systemd/system
# --- end of settings

export DOCKER_HOST="unix://$socket"
ended=$run/sail.ended.$$
last_words=
answering=
is_id='sha256:[0-9a-f][0-9a-f]*'

say() {
    printf 'sail: %s\n' "$*" >&2
}

# say_once WORDS: unless they were the last ones said.
say_once() {
    [ "$*" = "$last_words" ] || say "$@"
    last_words=$*
}

# What sail starts must not hold its lock: it may live longer than sail.
engine() {
    timeout "$call_s" docker "$@" 9>&-
}

nap() {
    [ "$1" != 0 ] || return 0
    sleep "$1" 9>&- &
    wait $!
}

short() {
    text=${1#sha256:}
    printf '%.12s' "$text"
}

# put FILE TEXT: all of it or nothing, also when the power fails. A full disk must not keep the Loader from starting.
put() {
    if printf '%s\n' "$2" >"$state/$1.new" && sync "$state/$1.new" && mv "$state/$1.new" "$state/$1"; then
        sync "$state"
    else
        say "can't write $state/$1"
    fi
}

# read_id FILE: the image id in it, or nothing.
read_id() {
    line=
    [ ! -r "$state/$1" ] || read -r line <"$state/$1" || :
    if expr "x$line" : "x$is_id\$" >/dev/null; then printf '%s' "$line"; fi
}

main() {
    mkdir -p "$state" "$run" || exit 1
    exec 9>"$state/sail.lock"
    if ! flock -n 9; then
        say "another sail looks after $appliance already"
        exit 75
    fi
    rm -f "$run"/sail.ended.*
    trap end TERM INT
    tell_host
    pause_s=$first_pause_s
    is_reported=no
    count=0
    while :; do
        wait_for_engine
        if start_or_take_over; then watch; fi
        judge
    done
}

# What a Loader can't know of the host from its container, and what sail does there for it: of a real box, as root.
tell_host() {
    os=$(read_os)
    can='' why=''
    if [ "$on_failure" = stop ]; then
        why="it is the machine of an emulation"
    elif [ "$(id -u)" != 0 ]; then
        why="sail does not run as root"
    elif ! { [ -d "$systemd" ] && command -v systemctl >/dev/null; }; then
        why="it has no systemd"
    else
        can="reboot shutdown"
        # The engine of that unit listens there.
        case $socket in
            /run/docker.sock | /var/run/docker.sock) can="$can restart-engine" ;;
        esac
    fi
    rm -f "$run/sail.requests" "$run/sail.answer"
    if [ -n "$can" ]; then
        mkfifo -m 600 "$run/sail.requests" || return 0
        # Open for both, so that it neither waits for a Loader nor ends with one.
        answer 8<>"$run/sail.requests" 9>&- &
        answering=$!
    fi
    tell sail.host "$(printf 'os=%s\ncan=%s\nwhy=%s' "$os" "$can" "$why")"
}

read_os() {
    for file in /etc/os-release /usr/lib/os-release; do
        [ -r "$file" ] || continue
        # shellcheck source=/dev/null
        (. "$file" && printf '%s' "${PRETTY_NAME:-${NAME:-}}")
        return
    done
}

# tell FILE TEXT: whole, to whoever may look into $run.
tell() {
    printf '%s\n' "$2" >"$run/$1.new" && mv "$run/$1.new" "$run/$1"
}

answer() {
    while read -r number what <&8; do
        case $what in
            reboot) verb=reboot ;;
            shutdown) verb=poweroff ;;
            restart-engine) verb="restart docker.service" ;;
            *) continue ;;
        esac
        say "the Loader asks for $what"
        # shellcheck disable=SC2086  # one of the words above, or two
        if said=$(timeout "$call_s" systemctl --no-block --no-ask-password $verb 2>&1 8>&-); then said=; fi
        tell sail.answer "$(printf '%s %s' "$number" "${said:+refused }$said" | tr '\n' ' ')"
    done
}

wait_for_engine() {
    why=
    until engine version --format '{{.Server.Version}}' >/dev/null 2>&1; do
        if [ -z "$why" ]; then
            why="the container engine does not answer"
            command -v docker >/dev/null || why="there is no docker command"
            say "$why; waits for it"
        fi
        nap "$poll_s"
    done
    [ -z "$why" ] || say "the container engine answers"
}

# Afterwards $id is a Loader that runs; otherwise $code says why there is none.
start_or_take_over() {
    code=unstarted
    is_reported=no
    count=0
    look "$container"
    case $status in
        running | paused)
            is_ours || return 1
            image=$its_image
            read_count
            if has_todays_socket; then
                started_at=$(date +%s.%N)
                say "takes over the Loader that runs, $(short "$image")"
                return 0
            fi
            say "the engine has another socket than when the Loader was started; starts it again"
            timeout "$((stop_s + call_s))" docker container stop --time "$stop_s" "$id" >/dev/null 9>&-
            ;;
    esac
    if has_reported_before; then put starts "0 $(read_id loader)"; fi
    choose || return 1
    make_room || return 1
    count=$((count + 1))
    put starts "$count $image"
    rm -f "$state/loader.reported" "$run/loader.alive"
    start
}

# A container that outlives its engine (live-restore) keeps the socket that was mounted at its start, which may be gone
# by then. Whoever mounts the socket's folder instead mounts all of /run, and what others have mounted in there.
has_todays_socket() {
    seen=
    [ ! -r "$run/sail.socket" ] || read -r seen <"$run/sail.socket" || :
    [ -z "$seen" ] || [ "$seen" = "$(todays_socket)" ]
}

# Inodes are used again, so its time belongs to it.
todays_socket() {
    stat --dereference --format '%d %i %z' "$socket"
}

# Two installations on one engine have folders of their own, and must not take each other's containers.
is_ours() {
    [ "$owner" != "$appliance" ] || [ "$its_state" != "$state" ] || return 0
    # Without labels the engine says "<no value>".
    case $its_state in /*) whose=", in $its_state" ;; *) whose= ;; esac
    say_once "the container $container is that of another installation$whose; leaves it alone"
    return 1
}

# look NAME: $status is empty when there is no such container.
look() {
    id='' status='' owner='' its_image='' its_maker='' its_state=''
    fields='{{.Id}} {{.State.Status}} {{index .Config.Labels "boxship.loader"}}'
    fields="$fields {{index .Config.Labels \"boxship.loader.image\"}} {{index .Config.Labels \"boxship.sail\"}}"
    fields="$fields {{index .Config.Labels \"boxship.loader.state\"}}"
    found=$(engine container inspect --format "$fields" "$1" 2>/dev/null) || return 0
    read -r id status owner its_image its_maker its_state <<EOF
$found
EOF
}

read_count() {
    count=0 counted=
    [ ! -r "$state/starts" ] || read -r count counted <"$state/starts" || :
    # A damaged file is no reason to stop: "08" would be one for the arithmetic.
    case $count in '' | *[!0-9]* | 0?* | ??????????*) count=0 ;; esac
    [ "$counted" = "$image" ] || count=0
}

has_reported_before() {
    [ -s "$state/loader.reported" ]
}

has_reported() {
    boot_id='' by=''
    [ ! -r "$state/loader.reported" ] || read -r boot_id by <"$state/loader.reported" || :
    [ -n "$boot_id" ] && [ "$by" = "$image" ]
}

# Which image: the recorded one, or the one before when that is used up or can't be read.
choose() {
    image=$(read_id loader)
    previous=$(read_id loader.previous)
    if [ -z "$image" ] && [ -n "$previous" ]; then
        say "$state/loader holds no image id; goes back to the previous Loader, $(short "$previous")"
        fall_back
    fi
    if [ -z "$image" ]; then
        say_once "$state/loader holds no image id: boxship install records one"
        return 1
    fi
    read_count
    [ "$count" -ge "$starts_limit" ] || return 0
    if [ -n "$previous" ] && [ "$previous" != "$image" ]; then
        say "the Loader $(short "$image") was started $count times and never reported;" \
            "goes back to the previous one, $(short "$previous")"
        put loader.failed "$image"
        fall_back
    elif [ "$count" -eq "$starts_limit" ]; then
        say "the Loader $(short "$image") was started $count times and never reported;" \
            "there is no previous one, so it is tried again and again"
    fi
}

# One rename: at any moment a Loader is recorded.
fall_back() {
    mv "$state/loader.previous" "$state/loader" || return 0
    sync "$state"
    image=$previous
    count=0
}

# A stopped container of the same image is started again, so that its log goes on. That of another image is kept until
# the next one: its log may say what went wrong, and it keeps its image from being pruned.
make_room() {
    [ -n "$status" ] || return 0
    is_ours || return 1
    if [ "$its_image" != "$image" ]; then
        before_look=$id
        look "$container_before"
        [ "$its_state" != "$state" ] || engine container rm --force "$id" >/dev/null
        engine container rename "$before_look" "$container_before"
        id=
    elif [ "$its_maker" != "$made_by" ] || [ "$status" = dead ]; then
        engine container rm --force "$id" >/dev/null
        id=
    fi
}

start() {
    # Boxship has quoted the options.
    if [ -z "$id" ]; then eval "create $loader_options" || return 1; fi
    todays_socket >"$run/sail.socket"
    # Not the engine's time of the start: what the Loader says first is a little older than that.
    started_at=$(date +%s.%N)
    if ! said=$(engine container start "$id" 2>&1 >/dev/null); then
        say "can't start the Loader $(short "$image"): $said"
        return 1
    fi
    say "started the Loader $(short "$image"), for the time number $count since one reported"
}

# create [OPTION...]: those of the Loader.
create() {
    root=$(engine info --format '{{.DockerRootDir}}')
    # The rights: to see which files of volumes the processes of containers have mapped, and to keep the outside away
    # from a trial. It has the engine's socket, and with it the host; the rest guards against mistakes.
    if ! said=$(engine container create --pull never --name "$container" \
        --label "boxship.loader=$appliance" --label "boxship.loader.image=$image" --label "boxship.sail=$made_by" \
        --label "boxship.loader.state=$state" \
        --env "BOXSHIP_LOADER_IMAGE=$image" --env "BOXSHIP_SOCKET=$run/loader.sock" \
        --env "BOXSHIP_HOST_FILES=$host_files" \
        --network host --pid host --cap-add NET_ADMIN --cap-add SYS_PTRACE \
        --security-opt no-new-privileges --security-opt apparmor=unconfined \
        --read-only --tmpfs /tmp --tmpfs /run --restart no --stop-timeout "$stop_s" \
        --log-driver json-file --log-opt max-size=5m --log-opt max-file=3 \
        --mount "type=bind,source=$socket,target=/run/docker.sock" \
        --mount "type=bind,source=$root/volumes,target=$root/volumes" \
        --mount "type=bind,source=$state,target=$state" \
        --mount "type=bind,source=$run,target=$run" \
        ${source:+--mount} ${source:+"type=bind,source=$source,target=$source,readonly"} \
        "$image" --project-name "$appliance" loader --state "$state" --run "$run" "$@" 2>&1); then
        say "can't make a container of the Loader $(short "$image"): $said"
        return 1
    fi
    # Warnings come before the id.
    id=$(printf '%s\n' "$said" | tail -n 1)
}

# Until it has ended: $code is its status, or "lost" when the engine went away.
watch() {
    if [ "$shows_log" = yes ]; then show_log; fi
    (
        # Begun in here, where no signal is caught: none that ends it can be lost.
        guard &
        guarding=$!
        code=$(docker container wait "$id" 2>/dev/null) || code=lost
        kill "$guarding" 2>/dev/null
        printf '%s\n' "$code" >"$ended.new"
        mv "$ended.new" "$ended"
    ) 9>&- &
    waiting=$!
    polls=0
    until [ -e "$ended" ] || has_reported || [ "$polls" -ge "$report_polls" ]; do
        nap "$poll_s"
        polls=$((polls + 1))
    done
    if has_reported; then
        is_reported=yes
        pause_s=$first_pause_s
        put starts "0 $image"
        say "the Loader $(short "$image") reports: boot $boot_id"
    elif [ ! -e "$ended" ]; then
        say "the Loader $(short "$image") has not reported in time; ends it"
        timeout "$((stop_s + call_s))" docker container stop --time "$stop_s" "$id" >/dev/null 9>&-
    fi
    wait "$waiting"
    [ "$shows_log" = no ] || wait "$showing"
    code=lost
    [ ! -e "$ended" ] || read -r code <"$ended"
    rm -f "$ended"
}

# What hangs doesn't end. A Loader of before signs, or a box without room for them, gives none, and is left alone.
guard() {
    napping='' silent=0 sign='' seen=''
    trap 'kill "$napping" 2>/dev/null; exit 0' TERM
    # Also in here $$ is sail: after that was killed, the next one has a guard of its own.
    while kill -0 "$$" 2>/dev/null; do
        sleep "$look_s" &
        napping=$!
        wait "$napping"
        seen=$sign sign=
        [ ! -r "$run/loader.alive" ] || read -r sign <"$run/loader.alive" || :
        silent=$((silent + 1))
        if [ -z "$sign" ] || [ "$sign" != "$seen" ]; then silent=0; fi
        if [ "$silent" -ge "$silent_looks" ]; then
            say "the Loader $(short "$image") runs, but gives no sign of life; ends it"
            engine container kill "$id" >/dev/null 2>&1
            silent=0
        fi
    done
}

show_log() {
    docker container logs --follow --since "$started_at" "$id" 9>&- &
    showing=$!
}

# What the end of a Loader, or of an attempt to start one, means.
judge() {
    case $code in
        lost)
            say "lost sight of the Loader: the engine went away, or was restarted"
            take_back
            nap "$poll_s"
            return
            ;;
        0) say "the Loader asks to be started again" ;;
        unstarted) engine version >/dev/null 2>&1 || take_back ;;
        *)
            say "the Loader ended with status $code"
            [ "$is_reported" = yes ] || [ "$shows_log" = yes ] || show_last_words
            ;;
    esac
    if [ "$code" != 0 ] && [ "$on_failure" = stop ]; then
        [ "$code" != unstarted ] || code=125
        exit "$code"
    fi
    if [ "$code" != 0 ] || [ "$is_reported" = no ]; then
        nap "$pause_s"
        pause_s=$((pause_s * 2))
        [ "$pause_s" -le "$longest_pause_s" ] || pause_s=$longest_pause_s
    fi
}

# A start that was cut short by others says nothing about the Loader.
take_back() {
    if [ "$is_reported" = no ] && [ "$count" -gt 0 ]; then
        count=$((count - 1))
        put starts "$count $image"
    fi
}

show_last_words() {
    engine container logs --tail 10 "$id" 2>&1 | sed 's/^/sail:   | /' >&2
}

end() {
    trap '' TERM INT
    [ -z "$answering" ] || kill "$answering" 2>/dev/null
    rm -f "$run/sail.requests"
    say "ends the Loader, and itself"
    look "$container"
    if [ "$its_state" = "$state" ]; then
        timeout "$((stop_s + call_s))" docker container stop --time "$stop_s" "$id" >/dev/null 9>&-
        image=$its_image
        if ! has_reported; then take_back; fi
    fi
    rm -f "$ended"
    exit 0
}

main
