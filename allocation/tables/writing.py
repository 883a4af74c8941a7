"""Tables written batch by batch, as CSV or Parquet."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

Batch = Mapping[str, Any]
"""Columns of arrays, of texts (coded or not) or integers."""


@contextmanager
def open_table(path: Path, columns: Mapping[str, type]) -> Iterator[Callable[[Batch], None]]:
    """Hand out a function that adds a batch to a new table; its form is that of the file's name.

    Parameters
    ----------
    columns
        Names in order, each with `str` or `int`; in CSV, texts hold nothing that would need quotes.
    """
    coded = pa.dictionary(pa.int32(), pa.string())
    parquet = path.suffix == ".parquet"
    texts = coded if parquet else pa.string()
    schema = pa.schema([(name, texts if kind is str else pa.int64()) for name, kind in columns.items()])
    with path.open("xb") as file:
        if parquet:
            writer = pq.ParquetWriter(file, schema, compression="zstd", use_dictionary=True)
        else:
            file.write((",".join(columns) + "\n").encode())
            options = csv.WriteOptions(include_header=False, quoting_style="none")
            writer = csv.CSVWriter(file, schema, write_options=options)
        with writer:
            yield lambda batch: writer.write_batch(_record_batch(batch, schema))


def _record_batch(batch: Batch, schema: Any) -> Any:
    arrays = [pa.array(batch[field.name]).cast(field.type) for field in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
