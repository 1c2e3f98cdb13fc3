"""Corpora, tokens and batches; names are imported when first used, so that settings alone import at once."""

from typing import TYPE_CHECKING

from rnnsweep.runtime.lazy import lazy_names

if TYPE_CHECKING:
    from rnnsweep.data.batching import (
        Batch as Batch,
        batch_count as batch_count,
        batch_rows as batch_rows,
        gather as gather,
        ordered_batches as ordered_batches,
    )
    from rnnsweep.data.classes.labels import NoLabel as NoLabel
    from rnnsweep.data.config import DataConfig as DataConfig
    from rnnsweep.data.encoded import (
        EncodedCorpus as EncodedCorpus,
        EncodedPart as EncodedPart,
        prepare as prepare,
        read_texts as read_texts,
    )
    from rnnsweep.data.exported import write_parts as write_parts
    from rnnsweep.data.groups import decides_group as decides_group
    from rnnsweep.data.rows import PARTS as PARTS
    from rnnsweep.data.sources._column_notes import (
        other_texts as other_texts,
        say_repeating as say_repeating,
    )
    from rnnsweep.data.sources._columns import NoColumn as NoColumn, read_options as read_options
    from rnnsweep.data.sources._likely_columns import say_others as say_others
    from rnnsweep.data.sources.files import (
        columns_by_name as columns_by_name,
        columns_read as columns_read,
    )

lazy_names(__name__)
