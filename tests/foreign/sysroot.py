"""Debian's arm64 and riscv64 packages, unpacked into a folder of the user's cache: where foreign programs and their libraries come from.

The system's apt resolves, fetches and verifies, but with lists, archives, status file and sources of its own: nothing of the machine changes, no foreign
architecture is added to its dpkg, no maintainer script runs. What such scripts would make (alternatives such as `awk`, /etc/passwd, ld.so.cache) is absent.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LAYOUT = 1
"""Counted up when the same packages are to be laid out differently, so that cached sysroots are made anew."""
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
MERGED = ("bin", "sbin", "lib")
"""The links of the merged /usr; base-files and the usrmerge package's scripts make them where Debian is installed."""
KEPT = ("usr", "etc", *MERGED)
"""An empty /proc, /dev or /tmp in a sysroot would hide the machine's from a guest that lists it."""


class Unavailable(Exception):
    """This machine cannot make the sysroot, for the reason given. Tests that need it are skipped."""


class Release(NamedTuple):
    """Where an architecture's packages come from."""

    architecture: str
    """Debian's name for it."""
    codename: str
    """Which release; empty: the machine's own."""
    alias: str = ""
    """The name under which mirrors also have it. Tried if the index under the code name is not the one that the signed Release file promises."""


RELEASES = {
    "aarch64": Release("arm64", ""),
    "riscv64": Release("riscv64", "trixie", alias="stable"),  # no port of the releases before it
}

GROUPS: dict[str, tuple[str, ...]] = {
    "base": (
        *("libc6", "libc-bin", "libgcc-s1", "libstdc++6", "zlib1g", "libpng16-16", "musl", "base-files", "tzdata"),
        *("coreutils", "busybox-static", "util-linux", "procps", "diffutils", "findutils", "grep", "sed", "gawk", "mawk", "bash", "dash"),
        *("tar", "gzip", "xz-utils", "bzip2", "make", "file"),
    ),
    "languages": ("perl", "perl-modules", "python3", "lua5.4", "sqlite3", "bc", "openssl", "git"),
    "servers": ("redis-server", "nginx-light", "gdbserver"),
    "compilers": ("gcc", "g++", "libc6-dev"),
}
"""Packages by what they are for; their dependencies come with them. A group is fetched when a test asks for it."""
PATTERNS = {"perl-modules": r"^perl-modules-[0-9.]+$"}
"""Names that carry a version in the archive, as the regular expressions that apt takes."""
DEFAULT = ("base", "languages")


def cache_folder() -> Path:
    """Where sysroots are kept between runs: MINILOAD_TEST_CACHE, else the user's cache."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "miniload"
    return Path(os.environ.get("MINILOAD_TEST_CACHE") or default)


def sysroot(arch: str, groups: Sequence[str] = DEFAULT) -> Path:
    """The folder with these groups of packages for `arch` (aarch64, riscv64), made now unless it is in the cache.

    Unavailable if this machine has no apt, no Debian mirror or no reach to it. Others that ask for the same one meanwhile wait.
    """
    release = RELEASES[arch]
    codename = release.codename or own_codename()
    packages = sorted({package for group in ("base", *groups) for package in GROUPS[group]})
    key = hashlib.sha256(repr((LAYOUT, codename, packages)).encode()).hexdigest()[:12]
    path = cache_folder() / f"sysroot-{arch}-{key}"
    if path.is_dir():
        return path
    _need_tools()
    with _locked(cache_folder() / f"apt-{release.architecture}-{codename}") as state:
        if not path.is_dir():
            _make(path, _fetch(state, release, codename, packages))
    return path


def own_codename() -> str:
    """The machine's own Debian release. Unavailable on another distribution."""
    try:
        text = Path("/etc/os-release").read_text(encoding="utf-8")
    except OSError as error:
        raise Unavailable(f"no /etc/os-release: {error}") from error
    words = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    if words.get("ID", "").strip('"') != "debian":
        raise Unavailable("not a Debian machine: no mirror to get Debian's foreign packages from")
    return words.get("VERSION_CODENAME", "").strip('"')


def _need_tools() -> None:
    missing = [tool for tool in ("apt-get", "dpkg-deb", "tar") if shutil.which(tool) is None]
    if missing:
        raise Unavailable(f"needs {', '.join(missing)} on PATH")
    if not KEYRING.exists():
        raise Unavailable(f"no {KEYRING} to verify packages with (package debian-archive-keyring)")


@contextmanager
def _locked(folder: Path) -> Iterator[Path]:
    """The folder with apt's private state, ours alone until the end of the `with`."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "owner").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


class _Apt:
    """The system's apt-get with a state of its own."""

    def __init__(self, folder: Path, architecture: str) -> None:
        self.folder = folder
        self._architecture = architecture
        for name in ("lists/partial", "archives/partial", "empty"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").write_text("")
        (folder / "apt.conf").write_text(self._configuration())

    def _configuration(self) -> str:
        """Read after the machine's own files, whose proxies we need, and whose hooks we must not run: they act upon the machine's caches."""
        settings = {
            "APT::Architecture": self._architecture,
            "APT::Architectures": self._architecture,
            "APT::Install-Recommends": "false",
            "APT::Sandbox::User": "",
            "APT::Get::Assume-Yes": "true",
            "Acquire::Retries": "2",
            "Acquire::http::Timeout": "20",
            "Acquire::https::Timeout": "20",
            "Acquire::Languages": "none",
            "Dir::State": self.folder,
            "Dir::State::status": self.folder / "status",
            "Dir::State::lists": self.folder / "lists",
            "Dir::Cache": self.folder,
            "Dir::Cache::archives": self.folder / "archives",
            "Dir::Etc::sourcelist": self.folder / "sources.list",
            "Dir::Etc::sourceparts": self.folder / "empty",
            "Dir::Etc::preferences": self.folder / "none",
            "Dir::Etc::preferencesparts": self.folder / "empty",
            "Dir::Log": self.folder,
        }
        hooks = ("APT::Update", "APT::Architectures", "DPkg::Pre-Invoke", "DPkg::Post-Invoke", "DPkg::Pre-Install-Pkgs")
        return "".join([*(f"#clear {hook};\n" for hook in hooks), *(f'{name} "{value}";\n' for name, value in settings.items())])

    def source(self, address: str, suite: str) -> None:
        """Sets the one source. Only Debian's own signature makes it trusted."""
        line = f"deb [arch={self._architecture} target=Packages signed-by={KEYRING}] {address} {suite} main\n"
        (self.folder / "sources.list").write_text(line)

    def __call__(self, *words: str) -> str:
        """apt-get's stdout. Unavailable with its errors if it fails."""
        command = ["apt-get", "-q", "-c", str(self.folder / "apt.conf"), *words]
        try:
            done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=600, env={**os.environ, "LC_ALL": "C.UTF-8"})
        except subprocess.TimeoutExpired as error:
            raise Unavailable(f"apt-get {words[0]}: no end after {error.timeout} s") from error
        if done.returncode:
            raise Unavailable(f"apt-get {words[0]}: " + "; ".join(line for line in done.stderr.splitlines() if line.startswith("E:")))
        return done.stdout


def _mirrors(state: Path, codename: str) -> list[str]:
    """The addresses from which the machine gets that release, by its own apt sources. Those of other archives with a suite of the same name may be among
    them; they have not Debian's signature."""
    command = ["apt-get", "update", "--print-uris", "-o", f"Dir::State::lists={state / 'empty'}"]
    listed = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60).stdout
    end = f"/dists/{codename}/InRelease"
    found = [line.split("'")[1].removesuffix(end) for line in listed.splitlines() if line.startswith("'") and line.split("'")[1].endswith(end)]
    if not found:
        raise Unavailable(f"no source of Debian {codename} among the machine's apt sources")
    return found


def _fetch(state: Path, release: Release, codename: str, packages: Sequence[str]) -> list[Path]:
    """Downloads the packages and all that they depend on; those that an earlier call brought stay. Returns the archives."""
    apt = _Apt(state, release.architecture)
    names = [name for name in (codename, release.alias) if name]
    _update(apt, codename, [(address, name) for address in _mirrors(state, own_codename()) for name in names])
    wanted = ["install", "--download-only", *(PATTERNS.get(package, package) for package in packages)]
    listed = [line.split(" ") for line in apt(*wanted, "--print-uris", "-o", f"Dir::Cache::archives={state / 'empty'}").splitlines() if line.startswith("'")]
    apt(*wanted)
    return [state / "archives" / words[1] for words in listed]


def _update(apt: _Apt, codename: str, sources: Sequence[tuple[str, str]]) -> None:
    """Gets the index of packages from the first source, an address and a suite's name, that has a consistent one of this release."""
    problems = []
    for address, name in sources:
        apt.source(address, name)
        try:
            apt("update", "--error-on=any")
            found = apt("indextargets", "--format", "$(CODENAME)", "Identifier: Packages").split()
        except Unavailable as error:
            problems.append(str(error))
            continue
        if found == [codename]:
            return
        problems.append(f"{name} is {' '.join(found) or 'nothing'}, not {codename}")
    raise Unavailable("; ".join(problems))


def _make(path: Path, archives: Sequence[Path]) -> None:
    """Unpacks into a folder beside `path`, which becomes `path` only when it is whole."""
    temporary = Path(mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        temporary.chmod(0o755)
        for name in MERGED:
            (temporary / "usr" / name).mkdir(parents=True, exist_ok=True)
            (temporary / name).symlink_to(f"usr/{name}")
        for archive in archives:
            _unpack(archive, temporary)
        for folder in set(temporary.iterdir()) - {temporary / name for name in KEPT}:
            shutil.rmtree(folder)
        _make_links_relative(temporary)
        temporary.rename(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _unpack(archive: Path, root: Path) -> None:
    """As `dpkg-deb -x`, which would replace the links of the merged /usr by folders."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(archive)], stdout=subprocess.PIPE) as reader:
        subprocess.run(["tar", "-x", "-C", str(root), "--keep-directory-symlink", "--no-same-owner", "--warning=no-timestamp"], stdin=reader.stdout, check=True)
    if reader.returncode:
        raise subprocess.CalledProcessError(reader.returncode, reader.args)


def _make_links_relative(root: Path) -> None:
    """Absolute links lead out of the sysroot: the kernel knows nothing of -L. (openssl's configuration is one.)"""
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            link = Path(folder, name)
            if link.is_symlink() and os.readlink(link).startswith("/"):
                target = os.path.relpath(f"{root}{os.readlink(link)}", folder)
                link.unlink()
                link.symlink_to(target)
