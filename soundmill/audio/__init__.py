"""Decoding, mixing, resampling, encoding and measuring sound: the only place that knows codecs.

Here belongs what turns bytes into samples and back. What the sound means (segments, features, words) lies in other folders.
"""

from soundmill.audio.activity import SpeechMeter, Turn, overlap_seconds, speech_seconds
from soundmill.audio.decode import open_audio, probe, seconds_of
from soundmill.audio.levels import LevelMeter, Levels, LevelTrack, amplitude, dbfs, levels
from soundmill.audio.reader import AudioInfo, AudioReader, Channels, Shortfall, Truncated
from soundmill.audio.resample import Resampler, read_samples
from soundmill.audio.wav import WavWriter, convert, read_pcm, to_pcm16, wav_bytes

__all__ = [
    "AudioInfo",
    "AudioReader",
    "Channels",
    "LevelMeter",
    "LevelTrack",
    "Levels",
    "Resampler",
    "Shortfall",
    "SpeechMeter",
    "Truncated",
    "Turn",
    "WavWriter",
    "amplitude",
    "convert",
    "dbfs",
    "levels",
    "open_audio",
    "overlap_seconds",
    "probe",
    "read_pcm",
    "read_samples",
    "seconds_of",
    "speech_seconds",
    "to_pcm16",
    "wav_bytes",
]
