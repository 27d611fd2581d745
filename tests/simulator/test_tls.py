import stat

from cryptography import x509

from bpx.simulator.tls import make_certificate


def test_a_certificate_is_for_the_loopback_names_and_its_key_is_private(tmp_path):
    made = make_certificate(tmp_path, "exchange.test")
    read = x509.load_pem_x509_certificate(made.ca_file.read_bytes())
    names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "exchange.test"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    assert stat.S_IMODE(made.key_file.stat().st_mode) == 0o600
    made.server_context()
