"""Distortions: what is asked for is what is heard, from the seed alone, and nothing else is touched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ipl.asr.augmentation import random_for
from ipl.asr.distortion import DistortionOptions
from ipl.asr.distortion.distorter import Distorter
from ipl.asr.distortion.noise import add_noise, coloured_noise
from ipl.asr.distortion.recordings import Recordings
from ipl.asr.distortion.rooms import made_up_room, reverberate
from ipl.errors import InputError

RATE = 16_000


def white(num_samples: int, seed: int = 0) -> Tensor:
    return torch.randn(num_samples, generator=torch.Generator().manual_seed(seed))


def power(samples: Tensor) -> float:
    return float(samples.double().square().mean())


@settings(deadline=None)
@given(st.floats(-10, 40), st.integers(1, 3000), st.integers(1, 3000))
def test_noise_is_as_strong_as_asked_and_as_long_as_the_speech(snr_db: float, size: int, noise_size: int) -> None:
    speech = 0.3 * white(size, 1) + 0.1
    noisy = add_noise(speech, 5 * white(noise_size, 2), snr_db)
    assert noisy.shape == speech.shape
    found_db = 10 * np.log10(power(speech) / power(noisy.double() - speech.double()))
    assert found_db == pytest.approx(snr_db, abs=0.1)


def test_silence_stays_silence() -> None:
    speech = white(100)
    assert add_noise(speech, torch.zeros(10), 5) is speech
    assert add_noise(torch.zeros(100), white(10), 5).eq(0).all()
    assert add_noise(speech, torch.zeros(0), 5) is speech
    assert reverberate(torch.zeros(0), white(10)).shape == (0,)
    assert reverberate(speech, torch.zeros(10)) is speech


@pytest.mark.parametrize(("exponent", "per_octave_db"), [(0.0, 0.0), (1.0, -3.0), (2.0, -6.0)])
def test_coloured_noise_falls_with_its_exponent(exponent: float, per_octave_db: float) -> None:
    noise = coloured_noise(1 << 18, RATE, exponent, torch.Generator().manual_seed(1))
    spectrum = torch.fft.rfft(noise).abs().square()
    hz = torch.arange(len(spectrum)) * RATE / (1 << 18)
    octaves = [spectrum[(hz >= low) & (hz < 2 * low)].mean().log10() * 10 for low in (200, 400, 800, 1600, 3200)]
    assert torch.stack(octaves).diff().tolist() == pytest.approx([per_octave_db] * 4, abs=0.5)
    flat = [spectrum[(hz >= low) & (hz < low + 20)].mean().log10() * 10 for low in (1, 20)]
    assert abs(float(flat[0] - flat[1])) < 2


def test_a_room_echoes_for_its_time_and_leaves_the_direct_sound_in_place() -> None:
    room = made_up_room(0.4, RATE, torch.Generator().manual_seed(3))
    assert room[0] == 1
    assert room[1 : 1 + RATE * 2 // 1000].eq(0).all()
    echo_db = 20 * room[100:].abs().clamp(min=1e-9).log10()
    first, last = echo_db[:1000].mean(), echo_db[-1000:].mean()
    seconds = (len(room) - 1100) / RATE
    assert float(first - last) / seconds == pytest.approx(60 / 0.4, rel=0.1)
    click = torch.zeros(8000)
    click[3000] = 1
    heard = reverberate(click, torch.cat([torch.zeros(500), room]))  # a response that begins late
    assert int(heard.abs().argmax()) == 3000
    assert heard[:2999].abs().max() < 1e-3
    assert power(heard) == pytest.approx(power(click), rel=1e-3)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 400), st.integers(1, 300))
def test_a_room_is_a_convolution(size: int, room_size: int) -> None:
    speech, room = white(size, 1), white(room_size, 2)
    direct = int(room.abs().argmax())
    whole = torch.from_numpy(np.convolve(speech.numpy(), room.numpy()))[direct : direct + size]
    expected = whole * (speech.norm() / whole.norm())
    assert torch.allclose(reverberate(speech, room), expected, atol=1e-4)


def recorded(path: Path, seconds: float, rate: int = RATE, value: float | None = None) -> None:
    samples = white(int(seconds * rate), 5).numpy() * 0.1 if value is None else np.full(int(seconds * rate), value)
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, samples, rate, subtype="PCM_16")


def test_excerpts_come_from_a_folder_or_a_list_at_the_models_rate(tmp_path: Path) -> None:
    recorded(tmp_path / "noise" / "deep" / "a.wav", 3.0, rate=8_000)
    recorded(tmp_path / "noise" / "b.flac", 0.5)
    (tmp_path / "noise" / "readme.txt").write_text("not audio")
    (tmp_path / "list.txt").write_text("noise/b.flac\n\nnoise/deep/a.wav\n")
    assert set(Recordings(tmp_path / "noise").files) == set(Recordings(tmp_path / "list.txt").files)
    drawn = [Recordings(tmp_path / "noise").draw(RATE, RATE, random_for(1, 0, str(each)), False) for each in range(8)]
    assert {len(each) for each in drawn} == {RATE, RATE // 2}
    assert len({each.sum().item() for each in drawn if len(each) == RATE}) > 1  # other places of the long one


def test_recordings_that_are_none_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.wav").write_bytes(b"no audio")
    for path in (tmp_path / "none", tmp_path / "empty", tmp_path / "bad.wav"):
        with pytest.raises(InputError, match=path.name):
            Recordings(path)
    with pytest.raises(InputError, match=r"bad\.wav: cannot be read as audio"):
        Recordings(tmp_path).draw(10, RATE, torch.Generator(), False)


@pytest.mark.parametrize("from_files", [False, True])
def test_what_is_drawn_depends_on_seed_epoch_and_utterance_alone(tmp_path: Path, from_files: bool) -> None:
    recorded(tmp_path / "noise" / "a.wav", 2.0)
    recorded(tmp_path / "rooms" / "a.wav", 0.1)
    options = DistortionOptions(
        noise_share=1.0,
        reverberation_share=1.0,
        gain_db=6,
        noise_from=tmp_path / "noise" if from_files else None,
        reverberation_from=tmp_path / "rooms" if from_files else None,
    )
    distorter, speech = Distorter(options, RATE), white(RATE)

    def once(seed: int, epoch: int, utt_id: str) -> Tensor:
        distort = distorter.draw(random_for(seed, epoch, utt_id))
        assert distort is not None
        return distort(speech)

    torch.manual_seed(1)
    first = once(1, 2, "a")
    torch.manual_seed(2)
    assert torch.equal(first, once(1, 2, "a"))
    assert first.shape == speech.shape
    assert first.isfinite().all()
    assert not any(torch.equal(first, other) for other in (once(2, 2, "a"), once(1, 3, "a"), once(1, 2, "b")))


def test_shares_are_kept_and_nothing_asked_for_changes_nothing() -> None:
    distorter = Distorter(DistortionOptions(noise_share=0.3), RATE)
    drawn = [distorter.draw(random_for(1, 0, str(each))) is not None for each in range(1000)]
    assert 0.25 < sum(drawn) / 1000 < 0.35
    assert Distorter(DistortionOptions(), RATE).draw(random_for(1, 0, "a")) is None
    louder = Distorter(DistortionOptions(gain_db=6), RATE).draw(random_for(1, 0, "a"))
    assert louder is not None
    ratio = louder(white(100)) / white(100)
    assert ratio.std() < 1e-5
    assert 0.5 < float(ratio[0]) < 2
    assert louder(torch.zeros(0)).shape == (0,)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("noise_share", -0.1),
        ("reverberation_share", 1.1),
        ("noise_snr_db", (5, 1)),
        ("reverberation_seconds", (0, 1)),
        ("gain_db", -1),
    ],
)
def test_options_out_of_range_are_refused(option: str, value: object) -> None:
    with pytest.raises(ValueError, match=option):
        DistortionOptions(**{option: value})  # type: ignore[arg-type]
