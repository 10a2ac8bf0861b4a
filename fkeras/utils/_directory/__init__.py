"""Data sets of the files of a directory."""

from ._audio import audio_dataset_from_directory as audio_dataset_from_directory
from ._images import image_dataset_from_directory as image_dataset_from_directory
from ._texts import text_dataset_from_directory as text_dataset_from_directory
