"""Look inside a network while it reads one text: gates, states, classes after each token, saliency.

Names are imported when first used: PyTorch and matplotlib are not imported with the package.
"""

from typing import TYPE_CHECKING

from rnnsweep.runtime.lazy import lazy_names

if TYPE_CHECKING:
    from rnnsweep.inspection.page import write_page as write_page
    from rnnsweep.inspection.picture import draw as draw
    from rnnsweep.inspection.trace import Inspection as Inspection, LayerView as LayerView, read as read

lazy_names(__name__)
