"""Files of call detail records, whatever form somebody has them in, as a sequence of single records.

What a file is, is told from its bytes and never from its name:

- gzip (also several members), zip and zstd, one inside the other up to `MAX_DEPTH` times;
- UTF-8 with or without a byte order mark, and UTF-16 with one;
- JSON (`json_text`): API pages, arrays, single records, one record or page a line, and any sequence of these;
- CSV (`csv_text`): the report of Control Hub.

Memory stays bounded for files of any size, and damage costs no more than the records it hit.
"""

from ringback.sources.files.items import MAX_KEPT, BrokenItem, Item, RawItem, UnreadableFile
from ringback.sources.files.read import MAX_DEPTH, read_file, read_stream

__all__ = ["MAX_DEPTH", "MAX_KEPT", "BrokenItem", "Item", "RawItem", "UnreadableFile", "read_file", "read_stream"]
