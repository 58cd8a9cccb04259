# Sourced by the scripts beside it: servers run until whoever started the script is gone.
#
# The one who starts it holds the writing end of its standard input, and never writes: however that
# process ends, the pipe ends with it.

# Where "ready" is said, once the server answers.
exec 4>&1

# Processes that end with the script.
watched=()
trap 'kill "${watched[@]}" 2>/dev/null; wait' EXIT
trap 'exit 143' TERM INT
exec 3<&0 </dev/null
(
  trap - EXIT
  # Whoever waits for "ready" is to see the end of a script that fails before.
  exec 4>&- >/dev/null
  cat <&3
  kill -TERM $$ 2>/dev/null
) &
watched+=("$!")
exec 3<&-

# Tells what is missing, instead of a shell's error in the middle.
need() {
  for command in "$@"; do
    command -v "$command" >/dev/null || {
      echo "error: $command is missing; run dist/setup.sh tests" >&2
      exit 1
    }
  done
}

# Runs a server beside the script.
start() {
  "$@" &
  watched+=("$!")
}

# Runs the last server, and ends when any of them does.
serve() {
  start "$@"
  local server=$!
  (
    until (exec 5<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
      kill -0 "$server" 2>/dev/null || exit 0
      sleep 0.05
    done
    echo ready >&4
  ) &
  exec 4>&-
  wait -n "${watched[@]}"
}
