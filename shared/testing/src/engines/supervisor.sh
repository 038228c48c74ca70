# Runs an engine and ends it when its owner is gone: standard input is a pipe from the owner, closed even by SIGKILL.
# Leads a process group of its own. Arguments: watch|stay, a file that lists frozen processes, the number of words of
# a companion's command (it may be 0), these words, the engine's command. The engine's number goes to descriptor 3.
mode=$1
frozen=$2
words=$3
shift 3
exec 5<&0

companion=
while [ "$words" -gt 0 ]; do
  companion="$companion '$1'"
  shift
  words=$((words - 1))
done
if [ -n "$companion" ]; then
  # Closed by exec: with eval the shell would keep copies, and whoever reads descriptor 3 would wait for ever.
  (
    exec 3>&- 5<&-
    eval "exec $companion"
  ) </dev/null &
fi

"$@" </dev/null 3>&- 5<&- &
engine=$!
echo "$engine" >&3
exec 3>&-

if [ "$mode" = watch ]; then
  # Nobody needs the data any more, so there is no reason to be gentle.
  {
    cat >/dev/null
    kill -KILL "$engine" $(cat "$frozen" 2>/dev/null)
    kill -KILL 0
  } <&5 &
fi
exec 5<&-
wait "$engine"
echo "the engine ended with $?"
# Whatever it left in the group.
kill -KILL 0
