#!/bin/sh
# Puts NVIDIA's run-time compiler (NVRTC) into a folder, so that kernels can be compiled and checked on a machine that
# has neither a GPU nor a CUDA toolkit.
#
#   usage: tools/get-nvrtc.sh [--disassembler] FOLDER
#
# Afterwards CUDAVIT_CUDA_LIB=FOLDER makes the program and its tests find it. --disassembler adds nvdisasm, for
# `cudavit kernels --sass`, in FOLDER/bin. What is there already is not fetched again.
#
# The libraries are Debian's packages, from the mirror that this machine's own apt is set up with, and checked by apt
# against Debian's keys. apt works on a folder of its own here: nothing is installed, nothing of the system changes, and
# no privileges are needed. To fetch: 17 MB, and 87 MB more for the disassembler.
#
# Exit status: 0 it is there, 1 it cannot be had here (the reason is on standard error), 2 wrong usage.
set -eu

say() { echo "get-nvrtc: $*" >&2; }
give_up() {
    say "$*"
    say 'install a CUDA toolkit of version 12 or 13 instead, or set CUDAVIT_CUDA_LIB to the folder of libnvrtc.so'
    exit 1
}

usage() {
    sed -n '2,/^set/ { /^set/d; s/^# \{0,1\}//; p }' "$0"
}

disassembler=no
while [ $# -gt 0 ]; do
    case $1 in
        --disassembler) disassembler=yes ;;
        -h | --help) usage && exit 0 ;;
        -*) usage >&2 && exit 2 ;;
        *) break ;;
    esac
    shift
done
[ $# -eq 1 ] || { usage >&2 && exit 2; }
folder=$1

# Links to the library are made last, so a folder that has one is complete.
is_complete() {
    set -- "$folder"/libnvrtc.so.1[23]
    [ -e "$1" ] && { [ $disassembler = no ] || [ -x "$folder/bin/nvdisasm" ]; }
}
if is_complete; then
    say "$folder has it already"
    exit 0
fi

[ "$(uname -sm)" = 'Linux x86_64' ] || give_up "there is no package for $(uname -sm)"
for tool in apt-get apt-cache dpkg-deb; do
    command -v $tool > /dev/null || give_up "$tool is missing: this works on Debian and what is made of it"
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/packages" "$work/root"
: > "$work/status"

# All of apt's state in the temporary folder. Its sandbox user could not read that folder.
cat > "$work/apt.conf" << END
Dir::State "$work";
Dir::State::Lists "$work/lists";
Dir::State::status "$work/status";
Dir::Cache "$work/cache";
Dir::Etc::sourcelist "$work/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Architecture "amd64";
APT::Architectures "amd64";
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
END
private() { APT_CONFIG="$work/apt.conf" "$@"; }

# The archive proper: mirrors of security updates and of other vendors do not have the package.
mirrors=$(apt-get indextargets --no-release-info --format '$(REPO_URI)' 'Created-By: Packages' 2> /dev/null \
    | sed 's,/*$,,' | grep '/debian$' | sort -u) || give_up 'the apt sources of this machine name no mirror of Debian'
keys=/usr/share/keyrings/debian-archive-keyring.gpg
signed=
[ ! -r $keys ] || signed="[signed-by=$keys] "

# The newest release first: it has CUDA 12, the one before it CUDA 11 only.
fetch() {
    for release in trixie forky; do
        for mirror in $mirrors; do
            echo "deb $signed$mirror $release non-free" > "$work/sources.list"
            private apt-get -q update >&2 || continue
            library=$(private apt-cache pkgnames libnvrtc | grep -x 'libnvrtc1[23]' | sort -V | tail -n 1) || continue
            builtins=$(private apt-cache depends "$library" | sed -n 's/.*Depends: \(libnvrtc-builtins[0-9.]*\)$/\1/p')
            set -- "$library" "$builtins"
            [ $disassembler = no ] || set -- "$@" nvidia-cuda-toolkit
            (cd "$work/packages" && private apt-get -q download "$@" >&2) && return 0
        done
    done
    return 1
}
fetch || give_up 'no mirror of this machine has the package, or none can be reached'

for package in "$work"/packages/*.deb; do
    dpkg-deb -x "$package" "$work/root"
done
mkdir -p "$folder"
libraries=$work/root/usr/lib/x86_64-linux-gnu
if [ $disassembler = yes ]; then
    mkdir -p "$folder/bin"
    cp "$work/root/usr/bin/nvdisasm" "$folder/bin/"
fi
cp -P "$libraries"/libnvrtc-builtins.so.* "$folder/"
find "$libraries" -name 'libnvrtc.so.*' -type f -exec cp {} "$folder/" \;
find "$libraries" -name 'libnvrtc.so.*' -type l -exec cp -P {} "$folder/" \;
is_complete || give_up "the packages do not hold what was expected: $(ls "$folder")"
say "$folder has it now"
