#!/usr/bin/env bash
# Builds the image without a container engine and runs it the way compose.yaml does: its own user,
# a read-only root, only /data and /tmp writable, the daemon as process 1, no network but loopback.
#
#   tests/container.sh [OPTION of "buildah bud" ...]
#   BASE_TAR=FILE tests/container.sh     makes the base once, then takes it from FILE
#
# Needs root on Linux and, by their Debian names: buildah, mmdebstrap, util-linux, iproute2, python3.
# python:3.11-slim is stood in for by Debian bookworm with its Python 3.11, so no registry is asked
# for images; the build itself installs from the Python package index.
set -euo pipefail
cd "$(dirname "$0")/.."

base=python:3.11-slim
grace=25  # compose.yaml: stop_grace_period

say() { printf '== %s\n' "$*"; }
die() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }

# --- The inner half, in a mount and a network namespace of its own ------------------------------

as_image() {  # the image's user, folder and environment, in its file system
  setpriv --no-new-privs chroot --userspec="$user" --groups= "$root" \
    /usr/bin/env -i --chdir="$folder" HOME=/data "${environment[@]}" "$@"
}

healthy() { as_image "${health[@]}" >"$work/health.log" 2>&1; }

inside() {
  work=$1 root=$work/rootfs
  user=$(<"$work/user") folder=$(<"$work/folder")
  mapfile -d '' -t environment <"$work/env"
  mapfile -d '' -t health <"$work/health"
  mapfile -d '' -t command <"$work/command"

  ip link set lo up
  mount --bind "$(<"$work/mounted")" "$root"
  mount -o remount,bind,ro "$root"
  mount --bind "$work/data" "$root/data"
  mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
  mount -t tmpfs -o mode=755 tmpfs "$root/dev"
  mkdir -m 1777 "$root/dev/shm"
  local device
  for device in null zero full random urandom; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
  done

  say "the user"
  as_image id
  [ "$(as_image id -u)" = 10001 ] || die "not uid 10001"

  say "the read-only root"
  local place said
  for place in / /app /app/bin /etc /usr /var; do
    if said=$(as_image touch "$place/written" 2>&1); then die "$place is writable"; fi
    echo "$said"
  done
  if touch "$root/app/written" 2>/dev/null; then die "/app is writable to uid 0"; fi
  for place in /data /tmp; do
    as_image touch "$place/written" || die "$place is not writable"
    as_image rm "$place/written"
    echo "$place is writable"
  done

  say "monitor --help"
  as_image "${command[0]}" --help

  say "${command[*]}"
  if healthy; then die "the health check passes with nothing running"; fi
  local started=$SECONDS
  # Process 1, as in a container: there SIGTERM without a handler would do nothing.
  unshare --pid --fork --mount-proc="$root/proc" -- \
    setpriv --no-new-privs chroot --userspec="$user" --groups= "$root" \
    /usr/bin/env -i --chdir="$folder" HOME=/data "${environment[@]}" "${command[@]}" >"$work/run.log" 2>&1 &
  local waiter=$! status=0 daemon=
  while [ -z "$daemon" ] && kill -0 "$waiter" 2>/dev/null; do
    read -r daemon 2>/dev/null <"/proc/$waiter/task/$waiter/children" || true
  done
  # shellcheck disable=SC2064  # what they are now, not then
  trap "kill -KILL $daemon 2>/dev/null || true; cat '$work/run.log'" EXIT
  until healthy; do
    if ! kill -0 "$waiter" 2>/dev/null || [ $((SECONDS - started)) -ge 60 ]; then
      cat "$work/health.log"
      die "not healthy after $((SECONDS - started)) s"
    fi
    sleep 0.5
  done
  echo "healthy after $((SECONDS - started)) s"
  grep -E '^(NSpid|Uid|CapEff|NoNewPrivs|VmRSS)' "/proc/$daemon/status"
  ls -ln "$work/data"

  started=$SECONDS
  kill -TERM "$daemon"
  while kill -0 "$waiter" 2>/dev/null; do
    [ $((SECONDS - started)) -lt "$grace" ] || die "still there $grace s after SIGTERM"
    sleep 0.2
  done
  wait "$waiter" || status=$?
  [ "$status" = 0 ] || die "exit $status after SIGTERM"
  echo "exit 0, $((SECONDS - started)) s after SIGTERM"
}

if [ "${1-}" = --inside ]; then
  inside "$2"
  exit
fi

# --- The outer half: base, build, what the image says -------------------------------------------

[ "$(id -u)" = 0 ] || die "needs root"
for tool in buildah mmdebstrap unshare setpriv ip python3; do
  command -v "$tool" >/dev/null || die "needs $tool"
done

work=$(mktemp -d)
store() { buildah --root "$work/store" --runroot "$work/runroot" "$@"; }
cleanup() {
  store rm --all >/dev/null 2>&1 || true
  store rmi --all --force >/dev/null 2>&1 || true
  rm -rf --one-file-system "$work"
}
trap cleanup EXIT

say "the stand-in base"
base_tar=${BASE_TAR:-$work/base.tar}
if [ ! -s "$base_tar" ]; then
  mmdebstrap --quiet --variant=minbase --include=python3,python3-venv bookworm "$base_tar.part.tar"
  mv "$base_tar.part.tar" "$base_tar"
fi
container=$(store from scratch)
store add --quiet "$container" "$base_tar" /
store commit --quiet --rm "$container" "docker.io/library/$base"

say "the build"
store bud --isolation=chroot --pull-never --layers=false --format docker --tag monitor-check "$@" .
store images

say "what the image says"
store inspect --type image monitor-check >"$work/inspect.json"
python3 - "$work" <<'PYTHON' || die "the image does not say what it should"
import json
import sys
from pathlib import Path

work = Path(sys.argv[1])
config = json.loads((work / "inspect.json").read_text())["Docker"]["config"]
health = config["Healthcheck"]
for key in ("User", "Entrypoint", "Cmd", "WorkingDir", "Volumes", "Env", "Healthcheck"):
    print(f"{key}: {json.dumps(config[key])}")
assert config["User"] == "10001:10001"
assert list(config["Volumes"]) == ["/data"]
assert health["Test"][0] == "CMD"
assert {"Interval", "Timeout", "StartPeriod", "Retries"} <= set(health)


def put(name: str, words: list[str]) -> None:
    (work / name).write_text("".join(f"{word}\0" for word in words))


put("env", config["Env"])
put("health", health["Test"][1:])
put("command", config["Entrypoint"] + config["Cmd"])
(work / "user").write_text(config["User"])
(work / "folder").write_text(config["WorkingDir"])
PYTHON

mkdir "$work/data"
printf '[[brand]]\nname = "Acme"\n\n[web]\nbind = "127.0.0.1:8080"\n' >"$work/data/monitor.toml"
mkdir "$work/rootfs"
chmod 755 "$work"  # the user walks through it
chown -R 10001:10001 "$work/data"
container=$(store from --pull-never monitor-check)
store mount "$container" >"$work/mounted"
unshare --mount --net -- tests/container.sh --inside "$work"
say "all well"
