# For dash and bash: as many pipelines as the argument says, traps, here-documents, subshells, command substitutions, background jobs.
pipelines() {
    i=0
    while [ $i -lt "$1" ]; do
        echo "$i" | (read -r n; echo $((n + 1))) | (read -r n; echo $((n * 2)))
        i=$((i + 1))
    done
}
pipelines "$1" | tail -n 1
printf '3 c\n1 a\n2 b\n' | sort | sed 's/ /-/' | tr a-z A-Z
trap 'echo usr1' USR1
trap 'echo "bye $?"' EXIT
kill -USR1 $$
x=$(cat <<EOF
here $(echo "inner $(echo innermost)") $((6 * 7)) `echo old`
EOF
)
echo "$x"
cat <<'EOF' | wc -l
$not $(expanded)
    kept
EOF
cat <<-EOF
	without tabs
	EOF
y=1
(trap 'echo subshell' EXIT; cd /; y=2; exit 4)
echo "$? $y $(basename "$PWD")"
(exit 3) & first=$!
(sleep 0.1; exit 5) & second=$!
wait $second; echo $?
wait $first; echo $?
{ # dash says what became of its children when it happens to learn it; bash loses a signal that comes too early
    sleep 100 & sleep 0.1; kill $!; wait $!; echo $?
    sh -c 'kill -TERM $$' | cat; echo ${?}
} 2> /dev/null
exec 3>made 4<&0; echo three >&3; exec 3>&-; { read -r line; echo "$line"; } < made
set -- $(seq 3); echo $# "$@"
command -v no_such_command || no_such_command; echo $?
trap '' TERM; kill -TERM $$; trap - TERM; echo ignored
set -e; false || echo handled
exit 3
