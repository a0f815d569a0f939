#!/bin/sh
# Changes the law in one place at a time, and fails unless a test notices each change: all but those that
# tests/surviving_mutants.txt lists, each with the reason, as `NAME: REASON`. A listed one that does not survive fails too.
set -eu
listed=tests/surviving_mutants.txt
rm -rf mutants # a run goes on where the last one ended, and would not see that a test has changed
.venv/bin/mutmut run
results=$(.venv/bin/mutmut results --all true)
echo "$results" | grep -q ': killed$' || {
    echo "no mutant was tried: see [tool.mutmut] in pyproject.toml" >&2
    exit 1
}
if grep -nvE '^#|^[a-z_.0-9]+: .+' "$listed"; then
    echo "$listed: expected NAME: REASON" >&2
    exit 1
fi
echo "$results" | sed -n '/: killed$/d; s/^ *\([^ ]*\): .*/\1/p' | sort >mutants/survived
sed -n 's/^\([^#][^:]*\): .*/\1/p' "$listed" | sort >mutants/listed
unlisted=$(comm -23 mutants/survived mutants/listed)
gone=$(comm -13 mutants/survived mutants/listed)
for name in $unlisted; do
    .venv/bin/mutmut show "$name"
done
test -z "$unlisted" || echo "No test notices these changes of the law: write one, or list them in $listed." >&2
test -z "$gone" || printf 'Take these out of %s, they no longer survive:\n%s\n' "$listed" "$gone" >&2
test -z "$unlisted$gone"
