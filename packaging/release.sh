# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What a package says of its commit. build-deb, build-rpm and build-container read this; each has CHECKOUT and die(), and those
# that have a changelog entry(), which writes one of their kind: VERSION SECONDS, and from stdin the message of the tag.

# shellcheck disable=SC2034 # used by those
readonly MAINTAINER='TooLoo maintainers <maintainers@tooloo.invalid>'

# The checkout may belong to somebody else than who calls, under sudo say.
in_git() {
        git -C "$CHECKOUT" -c safe.directory='*' "$@"
}

# Sets commit, version and SOURCE_DATE_EPOCH.
read_commit() {
        commit=$(in_git rev-parse --short=12 HEAD) || die "$CHECKOUT is no git checkout: the packages are made of a commit"
        SOURCE_DATE_EPOCH=$(in_git log -1 --format=%ct)
        find_version
}

# A tag is a release, vVERSION, and its message is what changed. After the release of a version, its packages count on.
find_version() {
        local since
        version=$(in_git show HEAD:meson.build | sed -nE "s/^ +version : '([^']+)'.*/\1/p")
        [[ $version ]] || die "meson.build names no version"
        if in_git rev-parse --quiet --verify "refs/tags/v$version" >/dev/null; then
                since=$(in_git rev-list --count "v$version..HEAD")
                ((since == 0)) || version+=+$since
        fi
}

# From the tags up to the commit; one that has none, or whose version differs from its own, gets an entry of its own.
make_changelog() {
        local tag tagged
        tagged=$(in_git tag --list --points-at HEAD "v$version")
        [[ $tagged ]] || echo "Built from commit $commit." | entry "$version" "$SOURCE_DATE_EPOCH"
        while read -r tag; do
                in_git for-each-ref --format='%(contents:subject)%0a%(contents:body)' "refs/tags/$tag" |
                        entry "${tag#v}" "$(in_git log -1 --format=%ct "$tag")"
        done < <(in_git tag --list --merged HEAD --sort=-version:refname 'v[0-9]*')
}
