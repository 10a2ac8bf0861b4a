"""`fk.visualization`: pictures of models, of training and of data."""

from ._confusion_matrix import plot_confusion_matrix as plot_confusion_matrix
from ._draw_bounding_boxes import draw_bounding_boxes as draw_bounding_boxes
from ._draw_segmentation_masks import draw_segmentation_masks as draw_segmentation_masks
from ._galleries import plot_bounding_box_gallery as plot_bounding_box_gallery
from ._galleries import plot_image_gallery as plot_image_gallery
from ._galleries import plot_segmentation_mask_gallery as plot_segmentation_mask_gallery
from ._model_to_dot import model_to_dot as model_to_dot
from ._plot_model import plot_model as plot_model
