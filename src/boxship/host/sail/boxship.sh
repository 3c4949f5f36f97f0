#!/bin/sh
# boxship on a box: runs the command line in the Loader's container, so that this host needs no Python.
# Written by boxship install, removed by boxship uninstall.
set -u

readonly lib=/usr/local/lib/boxship
readonly host_failed=10

# fail SENTENCE HINT
fail() {
    printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
    exit "$host_failed"
}

# The appliance that is named, or the only one that is installed.
choose_appliance() {
    appliance=${BOXSHIP_APPLIANCE:-}
    case ${1:-} in
        -p | --project-name) appliance=${2:-} ;;
        --project-name=*) appliance=${1#*=} ;;
        -p?*) appliance=${1#-p} ;;
    esac
    installed=
    count=0
    for sail in "$lib"/*/sail; do
        [ -f "$sail" ] || continue
        name=${sail%/sail}
        name=${name##*/}
        [ "$name" != "$appliance" ] || return 0
        installed="$installed $name"
        count=$((count + 1))
    done
    [ "$count" -gt 0 ] || fail "no appliance is installed on this host" "install one with its platform image"
    [ -z "$appliance" ] || fail "no appliance '$appliance' is installed on this host" "there is:$installed"
    [ "$count" -eq 1 ] || fail "several appliances are installed on this host:$installed" \
        "say which: boxship -p NAME, or BOXSHIP_APPLIANCE=NAME"
    appliance=${installed# }
}

# The engine that the appliance's sail was told of, whatever this shell's own docker talks to.
find_engine() {
    socket=
    # Boxship has quoted it.
    eval "$(sed -n '/^socket=/{p;q;}' "$lib/$appliance/sail")"
    [ -n "$socket" ] || socket=/var/run/docker.sock
    export DOCKER_HOST="unix://$socket"
}

has_systemd() {
    [ -d /run/systemd/system ] && command -v systemctl >/dev/null
}

# The files of this host can be removed from inside only with all of it mounted, so not by the Loader itself.
uninstall() {
    read -r image <"/var/lib/boxship/$appliance/loader" ||
        fail "no Loader is recorded for $appliance" "remove what /var/lib/boxship/$appliance/installed.json lists"
    case " $* " in
        *" --dry-run "*) ;;
        *) if has_systemd; then systemctl stop "boxship-$appliance.service"; fi ;;
    esac
    # It also opens the gate that a killed Loader left closed: that is in the host's network, and not in its files.
    docker container run --rm --pull never --network host --cap-add NET_ADMIN --entrypoint boxship \
        --env BOXSHIP_MOUNTED_ROOT=/host --volume /:/host --volume "$socket:/run/docker.sock" \
        "$image" --project-name "$appliance" "$@" --root /host || exit $?
    case " $* " in *" --dry-run "*) return 0 ;; esac
    for id in $(docker container ls --all --quiet --no-trunc \
        --filter "label=boxship.loader.state=/var/lib/boxship/$appliance"); do
        docker container rm --force "$id" >/dev/null || exit $?
    done
    if has_systemd; then systemctl daemon-reload; fi
}

choose_appliance "$@"
find_engine
for word in "$@"; do
    case $word in
        uninstall)
            case ${1:-} in
                -p | --project-name) shift 2 ;;
                --project-name=* | -p?*) shift ;;
            esac
            uninstall "$@"
            exit
            ;;
        -*) ;;
        *) [ "$word" = "$appliance" ] || break ;;
    esac
done

container=boxship-loader-$appliance
if [ "$(docker container inspect --format '{{.State.Running}}' "$container" 2>/dev/null)" != true ]; then
    fail "the Loader of $appliance does not run" \
        "systemctl status boxship-$appliance and journalctl -u boxship-$appliance say why"
fi
terminal=
if [ -t 0 ] && [ -t 1 ]; then terminal=--tty; fi
# Before the arguments, so that a -p among them counts.
exec docker container exec --interactive ${terminal:+"$terminal"} --env TERM="${TERM:-dumb}" "$container" \
    boxship --project-name "$appliance" "$@"
