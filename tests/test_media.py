"""Promises of media reading: one clock, right times, flat memory, and one line for everything that is wrong."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ipl.errors import MediaError
from ipl.mining.media import Box, audio_blocks, every_frame, ffmpeg_path, frames, key_frames, probe, read_audio

Make = Callable[..., Path]
TONE = "sine=f=440:d=4"
PICTURES = "testsrc2=s=64x48:r=25:d=4"
# Half a second of black, then white: an event whose time is known.
FLASH = "color=black:s=64x48:r=25:d=4,drawbox=color=white:t=fill:enable='gte(t,2)'"
CLICK = "aevalsrc='if(gte(t,2),sin(2*PI*440*t),0)':d=4:s=44100"


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def run(name: str, *arguments: str) -> Path:
        path = tmp_path / name
        command = [ffmpeg_path(), "-v", "error", "-nostdin", "-y", *arguments, str(path)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        return path

    return run


def lavfi(*sources: str) -> list[str]:
    return [word for source in sources for word in ("-f", "lavfi", "-i", source)]


def samples(path: Path, rate: int = 16_000) -> np.ndarray:
    return np.concatenate(list(audio_blocks(path, rate)))


def onset_ms(sound: np.ndarray, rate: int = 16_000) -> float:
    return 1000 * int(np.argmax(np.abs(sound.astype(int)) > 1000)) / rate


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.webm"])
def test_sound_and_picture_share_the_clock(make: Make, name: str) -> None:
    codec = (
        ["-c:v", "libvpx", "-deadline", "realtime"] if name.endswith("webm") else ["-preset", "ultrafast", "-bf", "0"]
    )
    path = make(name, *lavfi(FLASH, CLICK), *codec)
    assert onset_ms(samples(path)) == pytest.approx(2000, abs=45)  # one AAC frame is 23 ms; MPEG-TS rounds
    first_white = next(time for time, picture in frames(path, 25) if picture.mean() > 128)
    assert first_white == pytest.approx(2000, abs=41)


def test_what_a_file_holds(make: Make) -> None:
    info = probe(make("a.mp4", *lavfi("testsrc2=s=64x48:r=30000/1001:d=2", "sine=d=2"), "-ac", "2", "-ar", "44100"))
    assert (info.width, info.height, info.has_audio, info.has_video) == (64, 48, True, True)
    assert info.frame_rate == pytest.approx(30_000 / 1001)
    assert (info.audio_sample_rate_hz, info.audio_channels, info.start_ms) == (44_100, 2, 0)
    assert info.duration_ms == pytest.approx(2000, abs=50)


def test_time_stamps_that_do_not_start_at_zero_are_shifted(make: Make) -> None:
    info = probe(make("a.ts", *lavfi(PICTURES, TONE)))
    assert info.start_ms > 1000
    assert info.duration_ms == pytest.approx(4000, abs=100)


def test_sound_that_starts_late_is_led_in_by_silence(make: Make) -> None:
    late = ["-f", "lavfi", "-i", PICTURES, "-itsoffset", "1.5", "-f", "lavfi", "-i", "sine=d=2"]
    sound = samples(make("a.mkv", *late, "-preset", "ultrafast"))
    assert onset_ms(sound) == pytest.approx(1500, abs=30)
    assert len(sound) / 16 == pytest.approx(3500, abs=60)


def test_every_frame_comes_with_its_own_time_stamp(make: Make) -> None:
    thinned = f"{FLASH},select='lt(t,2)+not(mod(n,10))'"
    path = make("a.ts", *lavfi(thinned), "-fps_mode", "vfr", "-preset", "ultrafast")
    times = [time_ms for time_ms, _ in every_frame(path)]
    assert times[:3] == pytest.approx([0, 40, 80], abs=1)
    assert np.diff(times[-3:]) == pytest.approx([400, 400], abs=1)
    _, (luma,) = next(every_frame(path, [Box(32, 8, 64, 40)], 0.5))
    assert luma.shape == (16, 16)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mp4", ["-c:v", "libx264", "-bf", "2", "-g", "60"]),
        ("late.mkv", ["-c:v", "libx264", "-g", "250", "-output_ts_offset", "3.7"]),
        ("entered_midway.ts", ["-c:v", "libx264", "-g", "60"]),
        ("a.avi", ["-c:v", "mpeg4", "-g", "60", "-fps_mode", "cfr"]),
    ],
)
def test_every_frame_goes_on_after_any_frame_as_if_nothing_had_happened(
    make: Make, name: str, options: list[str]
) -> None:
    varied = "testsrc2=s=64x48:r=25:d=9,select='not(mod(n,7)*mod(n,5))+gt(mod(n,50),25)'"
    path = make(name, *lavfi(varied), "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-fps_mode", "vfr", *options)
    whole = [(time_ms, luma) for time_ms, (luma,) in every_frame(path)]
    assert len({round(step) for step in np.diff([time_ms for time_ms, _ in whole])}) > (name != "a.avi")
    for number in (0, 3, len(whole) // 2, len(whole) - 9, len(whole) - 1):
        rest = [(time_ms, luma) for time_ms, (luma,) in every_frame(path, after_ms=whole[number][0])]
        assert [time_ms for time_ms, _ in rest] == [time_ms for time_ms, _ in whole[number + 1 :]]
        assert all(np.array_equal(one, other) for (_, one), (_, other) in zip(rest, whole[number + 1 :], strict=True))


@pytest.mark.parametrize("name", ["a.mp4", "entered_midway.ts", "a.mkv"])
@pytest.mark.parametrize("start_ms", [500, 1750, 3000, 7000, 11_250])
def test_frames_are_those_of_their_time_wherever_they_begin(make: Make, name: str, start_ms: int) -> None:
    # Brighter from second to second, with a key frame every 5 s, at which alone MPEG-TS can be entered.
    path = make(
        name,
        *lavfi("color=black:s=64x64:r=25:d=14,format=gray,geq=lum='16*floor(T)'"),
        *("-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "125"),
    )
    shown = [
        int(picture[32, 32, 0]) for _, picture in frames(path, 4)
    ]  # four a second, and half of one that are sought
    begun = [(time_ms, int(picture[32, 32, 0])) for time_ms, picture in frames(path, 0.5, start_ms=start_ms)]
    assert [time_ms for time_ms, _ in begun][:2] == [start_ms, start_ms + 2000][: len(begun)]
    assert all(abs(luma - shown[time_ms // 250]) <= 4 for time_ms, luma in begun)
    assert shown[-1] - shown[0] > 150
    some = [(time_ms, int(picture[32, 32, 0])) for time_ms, picture in frames(path, 0.5, start_ms=start_ms, most=2)]
    assert some == begun[:2]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "entered_midway.ts"])
def test_frames_before_an_open_group_of_pictures_are_whole(make: Make, name: str) -> None:
    # Those before a key frame are decoded from it and from the group before: who enters there has but half of that.
    open_groups = ("-x264-params", "open-gop=1:bframes=3:keyint=24:min-keyint=24:scenecut=0")
    path = make(name, *lavfi("testsrc2=s=160x90:r=25:d=4"), "-pix_fmt", "yuv420p", *open_groups)
    shown = dict(frames(path, 25))
    for start_ms in range(80, 3800, 280):
        begun = list(frames(path, 25, start_ms=start_ms, most=2))
        assert [time_ms for time_ms, _ in begun] == [start_ms, start_ms + 40]
        assert all(np.array_equal(picture, shown[time_ms]) for time_ms, picture in begun)


def test_a_file_that_starts_late_is_as_long_as_it_is(make: Make) -> None:
    even = make("even.mp4", *lavfi(PICTURES), "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    late = make("late.mkv", "-i", str(even), "-c", "copy", "-output_ts_offset", "3600")
    assert probe(late).start_ms == pytest.approx(3_600_000, abs=100)
    assert probe(late).duration_ms == pytest.approx(probe(even).duration_ms, abs=50)


def test_frames_that_are_closer_than_the_frame_rate_says_are_no_damage(make: Make) -> None:
    even = make("even.mkv", *lavfi(PICTURES), "-preset", "ultrafast", "-bf", "0", "-pix_fmt", "yuv420p")
    shift = "setts=ts=TS-30*gte(N\\,50)"  # as where two files were joined: frame 50 is shown for 40 ms from 1970 on
    path = make("joined.mkv", "-i", str(even), "-c", "copy", "-bsf:v", shift)
    times = [time_ms for time_ms, _ in every_frame(path)]  # which raises MediaError of what is damaged
    assert times == pytest.approx([40 * n - 30 * (n >= 50) for n in range(100)], abs=1)


def test_every_frame_is_cut_to_each_crop_and_may_be_in_colour(make: Make) -> None:
    path = make("a.mp4", *lavfi("color=red:s=64x64:d=0.2,drawbox=0:32:64:32:blue:fill"), "-preset", "ultrafast")
    crops = [Box(0, 0, 64, 20), Box(0, 40, 64, 64)]
    _, lumas = next(every_frame(path, crops))
    assert [luma.shape for luma in lumas] == [(20, 64), (24, 64)]
    assert [int(np.median(luma)) for luma in lumas] == pytest.approx([76, 29], abs=12)
    _, (red, blue) = next(every_frame(path, crops, 0.5, colourful=True))
    assert (red.shape, blue.shape) == ((3, 10, 32), (3, 12, 32))
    assert np.median(red, axis=(1, 2)) == pytest.approx([0, 0, 255], abs=12)
    assert np.median(blue, axis=(1, 2)) == pytest.approx([0, 255, 0], abs=12)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("limited.mp4", ["-pix_fmt", "yuv420p"]),
        ("full.mp4", ["-pix_fmt", "yuvj420p"]),
        ("wide.mkv", ["-pix_fmt", "yuv444p", "-vf", "setsar=2"]),
        ("ten_bits.mkv", ["-pix_fmt", "yuv420p10le", "-c:v", "ffv1"]),
        ("colours.mkv", ["-pix_fmt", "bgr0", "-c:v", "ffv1"]),
    ],
)
def test_black_is_0_and_white_255_however_luma_is_stored(make: Make, name: str, options: list[str]) -> None:
    path = make(name, *lavfi("color=black:s=64x64:d=0.2,drawbox=0:32:64:32:white:fill"), *options)
    crops = [Box(0, 0, 64, 20), Box(0, 40, 64, 64)]
    for scale in (1.0, 0.5):
        _, (black, white) = next(every_frame(path, crops, scale))
        assert (black.max(), white.min()) == (0, 255)


def test_key_frames_are_near_where_they_are_asked_for(make: Make) -> None:
    path = make("a.mp4", *lavfi(FLASH), "-preset", "ultrafast", "-g", "25", "-keyint_min", "25", "-sc_threshold", "0")
    ((time_ms, picture),) = key_frames(path, 2200)
    assert time_ms == pytest.approx(2000, abs=1)
    assert picture.ndim == 3
    assert [round(time_ms) for time_ms, _ in key_frames(path, 0, 3)] == [0, 1000, 2000]


def test_variable_frame_rate_is_sampled_by_time_stamps(make: Make) -> None:
    # Every frame of the first two seconds, every tenth afterwards: frame numbers would say something else.
    thinned = f"{FLASH},select='lt(t,2)+not(mod(n,10))'"
    path = make("a.mkv", *lavfi(thinned), "-fps_mode", "vfr", "-preset", "ultrafast")
    seen = list(frames(path, 5))
    assert [time for time, _ in seen] == list(range(0, 200 * len(seen), 200))
    assert next(time for time, picture in seen if picture.mean() > 128) == 2000


def test_frames_that_no_other_needs_may_be_left_out(make: Make) -> None:
    path = make("a.mp4", *lavfi(FLASH), "-bf", "2", "-b_strategy", "0")
    every, some = (list(frames(path, 25, only_references=only)) for only in (False, True))
    assert [time for time, _ in some] == [time for time, _ in every][: len(some)]
    assert len(every) - len(some) <= 2
    whites = [next(time for time, picture in seen if picture.mean() > 128) for seen in (every, some)]
    assert 0 <= whites[1] - whites[0] <= 80


def test_crop_and_height(make: Make) -> None:
    path = make("a.mkv", *lavfi("color=black:s=64x48:d=1,drawbox=x=32:y=0:w=32:h=48:color=red:t=fill"), "-qp", "0")
    _, picture = next(frames(path, 1, Box(32, 8, 64, 40), height=16))
    assert picture.shape == (16, 16, 3)
    assert picture[..., 0].min() > 200
    assert picture[..., 2].max() < 60
    with pytest.raises(MediaError, match="does not lie in the picture of 64x48"):
        next(frames(path, 1, Box(0, 0, 65, 48)))


def test_rotated_and_stretched_pictures_come_as_shown(make: Make) -> None:
    straight = make("a.mp4", *lavfi("color=black:s=64x48:d=1"), "-preset", "ultrafast")
    turned = make("turned.mp4", "-display_rotation", "90", "-i", str(straight), "-c", "copy")
    assert (probe(turned).width, probe(turned).height) == (48, 64)
    assert next(frames(turned, 1))[1].shape == (64, 48, 3)
    wide = make("wide.mkv", *lavfi("color=black:s=64x48:d=1,setsar=2"), "-preset", "ultrafast")
    assert probe(wide).width == 128
    assert next(frames(wide, 1))[1].shape == (48, 128, 3)


def test_a_cover_picture_is_no_video(make: Make, tmp_path: Path) -> None:
    cover = make("cover.png", *lavfi("color=red:s=32x32"), "-frames:v", "1")
    song = make(
        "song.mp3", *lavfi("sine=d=1"), "-i", str(cover), "-map", "0", "-map", "1", "-disposition:v", "attached_pic"
    )
    assert not probe(song).has_video
    with pytest.raises(MediaError, match=r"a still picture"):
        probe(cover)


def test_the_default_one_of_several_sounds_is_taken(make: Make) -> None:
    two = make(
        "a.mkv", *lavfi("anullsrc=d=1", "sine=d=1"), "-map", "0", "-map", "1",
        "-disposition:a:0", "0", "-disposition:a:1", "default",
    )  # fmt: skip
    assert np.abs(samples(two)).max() > 1000


def test_a_duration_that_the_header_lacks_is_measured(make: Make) -> None:
    assert probe(make("a.aac", *lavfi(TONE))).duration_ms == pytest.approx(4000, abs=100)


@pytest.mark.parametrize(("start_ms", "end_ms"), [(0, 1000), (1900, 2300), (3500, 9000), (700, 700)])
def test_an_interval_is_what_the_stream_holds_there(make: Make, start_ms: int, end_ms: int) -> None:
    path = make("a.wav", *lavfi("sine=f=440:d=4:sample_rate=16000"))
    expected = samples(path)[16 * start_ms : 16 * end_ms]
    found = read_audio(path, start_ms, end_ms)
    assert len(found) == len(expected)
    assert np.array_equal(found, expected)


def test_names_that_ffmpeg_would_take_for_something_else(make: Make, tmp_path: Path) -> None:
    plain = make("a.wav", *lavfi("sine=d=1"))
    odd = plain.rename(tmp_path / "concat:50%03d 'é'.wav")
    assert len(samples(odd)) == 16_000


def test_leaving_early_ends_ffmpeg(make: Make) -> None:
    path, children = make("a.wav", *lavfi("sine=d=60")), Path(f"/proc/self/task/{os.getpid()}/children")
    if not children.exists():
        pytest.skip("this system does not list a process's children in /proc")
    before = children.read_text().split()  # what other tests' libraries keep running
    blocks = audio_blocks(path)
    next(blocks)
    assert len(children.read_text().split()) > len(before)
    blocks.close()  # type: ignore[attr-defined]
    assert children.read_text().split() == before


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mp3"])
def test_a_file_cut_short_yields_what_it_holds_and_says_so(make: Make, name: str) -> None:
    sources = lavfi(TONE) if name == "a.mp3" else [*lavfi("mandelbrot=s=64x48:r=25", TONE), "-t", "4"]
    path = make(name, *sources, *([] if name == "a.mp3" else ["-preset", "ultrafast"]), "-movflags", "+faststart")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    notes: list[str] = []
    lengths = [len(block) for block in audio_blocks(path, on_damage=notes.append)]
    assert 1000 < sum(lengths) / 16 < 3800
    assert len(notes) == 1
    assert "cut short" in notes[0]
    with pytest.raises(MediaError, match="damaged or cut short"):
        list(audio_blocks(path))


def test_what_is_wrong_is_said_in_one_line(make: Make, tmp_path: Path) -> None:
    silent = make("silent.mkv", *lavfi(PICTURES), "-preset", "ultrafast")
    blind = make("blind.wav", *lavfi("sine=d=1"))
    cut = make("cut.mp4", *lavfi(PICTURES), "-preset", "ultrafast")
    cut.write_bytes(cut.read_bytes()[:5000])
    (tmp_path / "notes.txt").write_text("no film\n" * 99)
    (tmp_path / "zero.mp4").touch()
    (tmp_path / "fake.mp4").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "only.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nhello\n")
    for action, message in [
        (lambda: probe(tmp_path / "none.mp4"), r"none\.mp4: no such file"),
        (lambda: probe(tmp_path), "a folder"),
        (lambda: probe(tmp_path / "zero.mp4"), r"zero\.mp4: empty"),
        (lambda: probe(tmp_path / "notes.txt"), r"notes\.txt: not a media file"),
        (lambda: probe(tmp_path / "fake.mp4"), r"fake\.mp4: not a media file"),
        (lambda: probe(tmp_path / "only.srt"), r"only\.srt: (holds neither|not a media file)"),
        (lambda: probe(cut), r"cut\.mp4: not a media file .*cut short"),
        (lambda: list(audio_blocks(silent)), r"silent\.mkv: no audio stream"),
        (lambda: list(frames(blind, 1)), r"blind\.wav: no video stream"),
        (lambda: read_audio(blind, 500, 100), "interval 500 to 100 ms"),
    ]:
        with pytest.raises(MediaError, match=message) as caught:
            action()
        assert "\n" not in str(caught.value)


def test_resampling_mixes_channels_down(make: Make) -> None:
    stereo = make("a.wav", *lavfi("sine=d=1:sample_rate=8000"), "-ac", "2")
    assert len(samples(stereo, 16_000)) == pytest.approx(16_000, abs=20)
