"""Tables as Parquet files, whose damage is noticed."""

import pyarrow as pa
import pyarrow.parquet as pq


def is_text(kind: pa.DataType) -> bool:
    """Return whether a column contains texts."""
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def parquet_file(table: pa.Table) -> bytes:
    """Return a table as a Parquet file with checksums. The same table gives the same bytes."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    return sink.getvalue().to_pybytes()


def parquet_table(content: bytes) -> pa.Table:
    """Return the table of a Parquet file. All its values are valid, and its columns have own names.

    Raises:
        ValueError: The file is damaged, or is no Parquet file.
    """
    try:
        table = pq.read_table(pa.BufferReader(content), page_checksum_verification=True)
        table.validate(full=True)
    except (pa.ArrowException, OSError) as exc:
        raise ValueError(str(exc)) from exc
    if len(set(table.column_names)) < len(table.column_names):
        raise ValueError("two columns have the same name")
    return table
