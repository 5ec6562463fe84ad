"""Answers that begin well: silence, resets and ends in the middle, garbage, and paces that no server should have."""

import json

from . import faults

_PAGES = {"streaming": "400"}


def _http(body, kind=b"application/json", more=b""):
    return b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n%sContent-Length: %d\r\n\r\n%s" % (kind, more, len(body), body)


def _chunks(*chunks):
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"".join(chunks)


def watch_silent_in_an_event(scene):
    """The longest of all: a watch may be quiet for 90 s before it counts as dead."""
    scene.begin()
    scene.withstand(faults.Cut(modes=("watch",), how="silence", bytes=60, lasting=True, times=4))


def watch_that_drips(scene):
    """Bytes alone show no life: without an event for 90 s, it is as dead as the silent one."""
    scene.begin()
    scene.withstand(faults.Drip(times=4))


def pages_silent_in_the_middle(scene):
    """A page may take 30 s."""
    scene.begin(**_PAGES)
    scene.withstand(faults.Cut(modes=("list",), how="silence", lasting=True, compacts=True, times=1), times=1)


def list_silent_in_the_middle(scene):
    """A streaming list may be quiet for 15 s; then it is asked for in pages."""
    scene.begin()
    scene.withstand(faults.Cut(modes=("initial",), how="silence", lasting=True, compacts=True, times=1), times=1)


def request_never_answered(scene):
    scene.begin()
    scene.withstand(faults.Silent(modes=faults.STREAMS), times=3)


def list_never_answered(scene):
    scene.begin()
    scene.withstand(faults.Silent(modes=("initial",), compacts=True, times=1), times=1)


def watch_reset(scene):
    scene.begin()
    scene.withstand(faults.Cut(modes=("watch",), how="reset", bytes=40), times=4)


def streaming_list_reset(scene):
    scene.begin()
    scene.withstand(faults.Cut(modes=("initial",), how="reset", bytes=1500, compacts=True), times=4, told="some")


def pages_reset(scene):
    scene.begin(**_PAGES)
    scene.withstand(faults.Cut(modes=("list",), how="reset", bytes=700, compacts=True), times=4)


def watch_ends_in_an_event(scene):
    """TLS says that this is the end, HTTP says that it is not."""
    scene.begin()
    scene.withstand(faults.Cut(modes=("watch",), how="notify", bytes=40), times=4)


def pages_end_in_the_middle(scene):
    scene.begin(**_PAGES)
    scene.withstand(faults.Cut(modes=("list",), how="notify", bytes=700, compacts=True), times=4)


def watch_truncated(scene):
    scene.begin()
    scene.withstand(faults.Cut(modes=("watch",), how="close", bytes=40), times=4)


def streaming_list_truncated(scene):
    scene.begin()
    scene.withstand(faults.Cut(modes=("initial",), how="close", bytes=1500, compacts=True), times=4, told="some")


def pages_truncated(scene):
    scene.begin(**_PAGES)
    scene.withstand(faults.Cut(modes=("list",), how="close", bytes=700, compacts=True), times=4)


_NOT_HTTP = [b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"\0" * 4096, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"HTTP/1.1 2e2 OK\r\n\r\n",
             b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
             b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
             b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000, b""]
_BAD_CHUNKS = [_chunks(b"zz\r\nhello\r\n"), _chunks(b"-5\r\nhello\r\n"), _chunks(b"ffffffffffffffffff\r\nhello"),
               _chunks(b"3\r\nhello\r\n0\r\n\r\n"), _chunks(b"5;" + b"x" * 5000 + b"\r\nhello\r\n"), _chunks(b"5\r\nhel"),
               _chunks(b"0\r\n" + b"X: y\r\n" * 100_000)]
_STRANGER = b'{"type": "DELETED", "object": {"kind": "ConfigMap", "metadata": {"namespace": "a", "name": "friends"}}}\n'
_BAD_JSON = [_http(_STRANGER), _http(b"{"),
             _http(b'{"type": "ADDED", "object": {"kind": "Pod", "metadata": {"name": "a", "name\n'),
             _http(b"not JSON at all\n"), _http(b"[" * 100_000 + b"\n"), _http(b'{"type": "ADDED"}\n'),
             _http(b'{"type": "CHANGED", "object": {}}\n'), _http(b'{"type": "ADDED", "object": [1, 2, 3]}\n'),
             _http(b'{"type": "ADDED", "object": null}\n'), _http(b'\xff\xfe{"type"\0: 1}\n'), _http(b"1e999999999\n")]
_WRONG_TYPE = [_http(b"<!DOCTYPE html><title>Log in to this network</title>\n", b"text/html"),
               _http(b"k8s\0\n\r\n\2v1\22\3Pod", b"application/vnd.kubernetes.protobuf"),
               _http(b"\x1f\x8b\x08\0\0\0\0\0\0\3", b"application/json", b"Content-Encoding: gzip\r\n"),
               _http(b"event: added\ndata: {}\n\n", b"text/event-stream")]
_GARBAGE = [*_NOT_HTTP, *_BAD_CHUNKS, *_BAD_JSON, *_WRONG_TYPE]


def garbage_for_watches(scene):
    """Garbage in a watch leads to a list, which works and leads to the next watch."""
    scene.begin(**_PAGES)  # a streaming list would go on as the watch
    scene.withstand(faults.Raw(_GARBAGE, modes=("watch",)), times=len(_GARBAGE), told="some")


def garbage_for_lists(scene):
    scene.begin()
    scene.withstand(faults.Raw(_GARBAGE, modes=faults.LISTS, compacts=True), times=len(_GARBAGE))


def garbage_for_pages(scene):
    scene.begin(**_PAGES)
    scene.withstand(faults.Raw(_GARBAGE, modes=("list",), compacts=True), times=len(_GARBAGE))


def pages_that_are_no_lists(scene):
    """Each is valid JSON, and none may be taken for a list in which nothing is."""
    scene.begin(**_PAGES)
    scene.withstand(faults.NotAList(compacts=True), times=len(faults.NotAList.FORMS) + 1, told="some")


def html_with_a_list_inside(scene):
    """The type that an answer claims to have does not matter, its content does."""
    scene.begin(**_PAGES)
    page = json.dumps({"kind": "PodList", "metadata": {"resourceVersion": "1"}, "items": []})
    scene.withstand(faults.Raw([_http(f"<pre>{page}</pre>".encode(), b"text/html")], modes=("list",), compacts=True), times=4)


def one_byte_at_a_time(scene):
    scene.begin()
    scene.withstand(faults.OneByte(modes=faults.STREAMS, compacts=True), times=4, told="all")


def pages_one_byte_at_a_time(scene):
    scene.begin(**_PAGES)
    scene.withstand(faults.OneByte(compacts=True), times=4, told="all")


def watches_end_at_once(scene):
    """What they tell in the moment that they last comes through."""
    scene.begin()
    scene.withstand(faults.EndsAtOnce(), times=6, told="all")


def watches_end_before_they_begin(scene):
    scene.begin()
    scene.withstand(faults.Raw([_chunks(b"0\r\n\r\n"), _http(b"")], modes=("watch",)), times=8)


CASES = [watch_silent_in_an_event, watch_that_drips, pages_silent_in_the_middle, list_silent_in_the_middle,
         request_never_answered, list_never_answered, garbage_for_lists, garbage_for_pages, garbage_for_watches,
         pages_that_are_no_lists, html_with_a_list_inside, one_byte_at_a_time, pages_one_byte_at_a_time, watch_reset,
         streaming_list_reset, pages_reset, watch_truncated, streaming_list_truncated, pages_truncated,
         watch_ends_in_an_event, pages_end_in_the_middle, watches_end_at_once, watches_end_before_they_begin]
