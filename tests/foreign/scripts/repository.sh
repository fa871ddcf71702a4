# A repository's life: commits, clones through the transport and by links, a merge, a push, a pull, gc, fsck.
set -e
export GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=n GIT_AUTHOR_EMAIL=e GIT_COMMITTER_NAME=n GIT_COMMITTER_EMAIL=e
export GIT_AUTHOR_DATE="@5 +0000" GIT_COMMITTER_DATE="@5 +0000"
git init -q -b main one
cd one
seq 100 > first
git add first
git commit -q -m "first commit"
seq 200 > second
git add second
git commit -q -m "second commit"
cd ..
git clone -q --no-local one two
cd two
git log --stat --format='%h %s'
git checkout -q -b side HEAD~1
echo side > side
git add side
git commit -q -m side
git merge -q -m merged main
git push -q origin side
git gc -q
git fsck --strict
git count-objects -v | grep -E '^(count|in-pack|packs|garbage)'
git status --short --branch
cd ../one
git log --graph --oneline side
cd ..
git clone -q one three
rm -rf one two three
