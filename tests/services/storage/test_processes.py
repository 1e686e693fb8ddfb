"""Killed processes, full disks, many writers at once, and content larger than memory."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from handfast.errors import Unavailable
from handfast.storage import index
from handfast.storage.local import LocalStore
from handfast.storage.saving import save
from handfast.storage.store import cid_of_bytes, cid_of_path
from tests.storage_shapes import CHUNK, Memory, Shape, blocks_of, content, sized, write

LARGE = sized(37 * CHUNK + 12_345)
BEFORE = b"".join(content(sized(3 * CHUNK, 2)))
KILLED = -signal.SIGKILL
UNAVAILABLE = 4
_MOST_STEPS = 500


def in_a_child(work: Callable[[], None]) -> int:
    """Run work in a fork of this process; returns how it ended, as `subprocess` does."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except Unavailable:
            code = UNAVAILABLE
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def die_at(step: int) -> None:
    """Have this process killed before its step-th dealing with the disk or the index."""
    left = step

    def count(*_arguments: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            count()
            return function(*arguments, **named)

        return call

    def connect(path: Path) -> Any:
        connection = real_connect(path)
        connection.set_trace_callback(count)
        return connection

    real_connect = index._connect
    setattr(index, "_connect", connect)  # noqa: B010 (in a fork, which ends with the work)
    for name in ("open", "close", "writev", "fsync", "ftruncate", "mkdir", "symlink", "unlink"):
        setattr(os, name, counted(getattr(os, name)))
    setattr(os, "replace", counted(os.replace))  # noqa: B010
    setattr(os, "rename", counted(os.rename))  # noqa: B010


def killed_at_each_step(work: Callable[[], None]) -> Iterator[bool]:
    """Do work again and again, killed one step later each time; the last time it ends."""
    for step in range(1, _MOST_STEPS):

        def doomed(step: int = step) -> None:
            die_at(step)
            work()

        code = in_a_child(doomed)
        assert code in (0, KILLED)
        yield code == 0
        if code == 0:
            assert step > 10, "the steps were counted"
            return
    raise AssertionError("it never ended")


@pytest.mark.parametrize("shape", [sized(18 * CHUNK, 1), sized(1000, 1)], ids=["pack", "small"])
def test_an_add_that_is_killed_at_any_step_is_whole_or_absent(shape: Shape, tmp_path: Path) -> None:
    """ST-16, ST-I2"""
    write(shape, tmp_path / "it")
    tree, _blocks = blocks_of(shape)
    root = tmp_path / "store"
    with LocalStore(root) as store:
        kept = store.put_bytes(BEFORE)

    def add() -> None:
        with LocalStore(root) as store:
            store.add(tmp_path / "it")

    found = []
    for ended in killed_at_each_step(add):
        with LocalStore(root) as store:
            found.append(tree.cid in store.pins())
            if found[-1]:
                assert store.verify(tree.cid).size == tree.file_size
            else:
                assert store.missing([tree.cid]) == [tree.cid]
                assert len(list((root / "packs").iterdir())) == 1
            assert store.get_bytes(kept, len(BEFORE)) == BEFORE
        assert found[-1] or not ended
    assert found == sorted(found), "once it is there it stays"
    assert not found[0]


@pytest.mark.parametrize(
    "shape",
    [LARGE, {"entries": {"a": LARGE, "b": {"entries": {"c": sized(5)}}, "d": {"link": "a"}}}],
    ids=["file", "directory"],
)
def test_a_save_that_is_killed_at_any_step_is_whole_or_absent(shape: Shape, tmp_path: Path) -> None:
    """ST-12, ST-13, ST-I1"""
    tree, blocks = blocks_of(shape)
    target = tmp_path / "it"
    found = []
    for ended in killed_at_each_step(lambda: save(Memory(blocks), tree.cid, target)):
        found.append(target.exists())
        if found[-1]:
            assert cid_of_path(target) == tree.cid
            shutil.rmtree(target) if target.is_dir() else target.unlink()
        assert found[-1] or not ended
    assert not found[0]
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_but_not_what_a_live_one_writes(
    tmp_path: Path,
) -> None:
    """ST-16, ST-17"""
    root = tmp_path / "store"
    reading, writing = os.pipe()
    script = (
        "import sys; from pathlib import Path; from handfast.storage.local import LocalStore\n"
        "print(LocalStore(Path(sys.argv[1])).add_stream(sys.stdin.buffer))"
    )
    LocalStore(root).close()
    with subprocess.Popen(
        [sys.executable, "-c", script, str(root)], stdin=reading, stdout=subprocess.PIPE
    ) as process:
        os.close(reading)
        data = b"".join(content(LARGE)) * 3
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(data)
            pipe.flush()
            while not list((root / "packs").iterdir()):
                assert process.poll() is None
                time.sleep(0.01)
            LocalStore(root).close()
            assert len(list((root / "packs").iterdir())) == 1
            pipe.write(data)
        assert process.stdout is not None
        assert process.stdout.read().decode().strip() == str(cid_of_bytes(data * 2))
    with LocalStore(root) as store:
        assert store.verify(cid_of_bytes(data * 2)).size == 2 * len(data)


def test_processes_that_add_the_same_at_once_agree(tmp_path: Path) -> None:
    """ST-17"""
    root = tmp_path / "store"
    shapes = [sized(size, 4) for size in (10, 50_000, 300_000, 5 * CHUNK, 40 * CHUNK)]

    def add() -> None:
        with LocalStore(root) as store:
            for shape in shapes:
                data = b"".join(content(shape))
                assert store.get_bytes(store.put_bytes(data), len(data)) == data

    children = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                add()
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert codes == [0] * 4
    with LocalStore(root) as store:
        assert set(store.pins()) == {blocks_of(shape)[0].cid for shape in shapes}
        assert all(store.verify(cid).files == 1 for cid in store.pins())


@pytest.mark.parametrize("allowed", [0, 1, 5 * CHUNK, 37 * CHUNK])
def test_a_file_that_cannot_grow_is_unavailable_and_leaves_nothing(
    allowed: int, tmp_path: Path
) -> None:
    """ST-16"""
    tree, blocks = blocks_of(LARGE)
    root = tmp_path / "store"
    with LocalStore(root) as store:
        kept = store.put_bytes(BEFORE)
    write(LARGE, tmp_path / "it")

    def limited(work: Callable[[], object]) -> int:
        def child() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (allowed, allowed))
            work()

        return in_a_child(child)

    assert limited(lambda: LocalStore(root).add(tmp_path / "it")) == UNAVAILABLE
    assert limited(lambda: save(Memory(blocks), tree.cid, tmp_path / "out")) == UNAVAILABLE
    assert not (tmp_path / "out").exists()
    with LocalStore(root) as store:
        assert store.pins() == [kept]
        assert store.get_bytes(kept, len(BEFORE)) == BEFORE
        assert len(list((root / "packs").iterdir())) == 1
        assert store.add(tmp_path / "it") == tree.cid
        store.save(tree.cid, tmp_path / "out")


_FULL_DISK = """
import sys
from pathlib import Path
from handfast.errors import Unavailable
from handfast.storage.local import LocalStore
from handfast.storage.store import cid_of_path

disk, large = Path(sys.argv[1]), Path(sys.argv[2])
with LocalStore(disk / "store") as store:
    kept = store.put_bytes(bytes(1_000_000))
    try:
        store.add(large)
    except Unavailable as error:
        print(error)
    else:
        sys.exit("the disk was not full")
    assert store.pins() == [kept]
    assert len(list((disk / "store" / "packs").iterdir())) == 1
    number = 0
    while True:
        number += 1
        try:
            store.put_bytes(number.to_bytes(4, "big") * 15_000)
        except Unavailable as error:
            print(error)
            break
    assert len(store.pins()) == number
    for cid in store.pins():
        store.verify(cid)
"""


def test_a_full_disk_is_unavailable_and_leaves_what_was_there(tmp_path: Path) -> None:
    """ST-16"""
    namespace = ["unshare", "--user", "--map-root-user", "--mount"]
    if subprocess.run([*namespace, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no right to mount a small file system")
    (tmp_path / "disk").mkdir()
    write(LARGE, tmp_path / "large")
    mount = f"mount -t tmpfs -o size=6m none {tmp_path}/disk"
    command = [sys.executable, "-c", _FULL_DISK, f"{tmp_path}/disk", f"{tmp_path}/large"]
    done = subprocess.run(
        [*namespace, "sh", "-c", f'{mount} && exec "$@"', "sh", *command],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.strip().splitlines()
    assert "no space left" in first
    assert "full" in second


_GIGABYTE = """
import resource, sys
from pathlib import Path
from handfast.storage.local import LocalStore

class Source:
    def __init__(self, spans):
        self.left = spans
    def read(self, size):
        self.left -= 1
        return self.left.to_bytes(8, "big") + bytes(size - 8) if self.left >= 0 else b""

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

with LocalStore(Path(sys.argv[1])) as store:
    store.verify(store.add_stream(Source(8)))
    before = peak()
    cid = store.add_stream(Source(256))
    assert store.verify(cid).size == 2**30
print(peak() - before)
"""


def test_a_gigabyte_passes_through_in_constant_memory(tmp_path: Path) -> None:
    """ST-11"""
    done = subprocess.run(
        [sys.executable, "-c", _GIGABYTE, str(tmp_path)], check=True, capture_output=True
    )
    assert int(done.stdout) < 32, "MiB more than 32 MiB of content took"
