"""What names the computer: the first source that says something, and never the name itself."""

from terminal_client.adapters.machine import machine_digest


def test_a_board_is_known_by_its_serial_number_and_its_name_stays_there(tmp_path):
    serial, other = tmp_path / "serial-number", tmp_path / "machine-id"
    assert machine_digest((serial, other)) == ""
    other.write_text("c0ffee\n")
    by_id = machine_digest((serial, other))
    serial.write_bytes(b"10000000abcd\0")
    by_serial = machine_digest((serial, other))
    assert len(by_serial) == 64
    assert len({by_id, by_serial}) == 2
    assert "abcd" not in by_serial
    other.write_text("another card\n")
    assert machine_digest((serial, other)) == by_serial


def test_a_file_that_is_empty_names_nothing(tmp_path):
    empty = tmp_path / "machine-id"
    empty.write_text("\n")
    assert machine_digest((empty,)) == ""
