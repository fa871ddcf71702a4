# Job control, at a terminal: a job that stops itself, fg, bg, groups of their own, signals to jobs.
set -m
sh -c 'kill -STOP $$; echo continued; exit 7'
echo "stopped $?"
fg > /dev/null; echo "foreground $?"
sh -c 'kill -STOP $$; exit 8'
bg > /dev/null; wait %1; echo "background $?"
sleep 100 & job=$!
test "$(ps -o pgid= -p $job | tr -d ' ')" = $job && echo "a group of its own"
test "$(ps -o tpgid= -p $$ | tr -d ' ')" != $job && echo "in the background"
exec 2> /dev/null # dash says what became of jobs when it happens to learn it
kill -STOP $job
until jobs > listed; grep -q topped listed; do sleep 0.02; done
bg > /dev/null; kill %1; wait $job; echo "killed $?"
true | sh -c 'exit 9'; echo "pipeline $?"
exit 5
