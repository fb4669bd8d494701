package key

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/advparams/advparams/internal/hint"
)

// sshEd25519 returns a fresh SSH key as a public key line and a private key file.
func sshEd25519(t *testing.T) (public, private string) {
	t.Helper()
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return sshPublic("ssh-ed25519", pub), pkcs8(t, priv)
}

func sshRSA(t *testing.T) (public, private string) {
	t.Helper()
	priv, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	// A leading zero keeps the modulus positive (RFC 4251, mpint).
	return sshPublic("ssh-rsa", []byte{1, 0, 1}, append([]byte{0}, priv.N.Bytes()...)), pkcs8(t, priv)
}

func sshPublic(kind string, fields ...[]byte) string {
	var wire []byte
	for _, field := range append([][]byte{[]byte(kind)}, fields...) {
		wire = binary.BigEndian.AppendUint32(wire, uint32(len(field)))
		wire = append(wire, field...)
	}
	return kind + " " + base64.StdEncoding.EncodeToString(wire) + " somebody@example.org"
}

func pkcs8(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func TestRoundTrip(t *testing.T) {
	alice, bob := x25519(t), x25519(t)
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	secret, secretIdentity := passphrase(t, "secret")
	edPublic, edPrivate := sshEd25519(t)
	rsaPublic, rsaPrivate := sshRSA(t)
	for _, tc := range []struct {
		name       string
		recipients []string // as text, the way users give them
		passphrase age.Recipient
		identities string // the content of an identity file
		extra      []age.Identity
		stanzas    []string
	}{
		{name: "x25519", recipients: []string{alice.Recipient().String()}, identities: alice.String(), stanzas: []string{"X25519"}},
		{name: "first of two", recipients: []string{alice.Recipient().String(), bob.Recipient().String()}, identities: alice.String(), stanzas: []string{"X25519", "X25519"}},
		{name: "second of two", recipients: []string{alice.Recipient().String(), bob.Recipient().String()}, identities: bob.String(), stanzas: []string{"X25519", "X25519"}},
		{name: "second identity", recipients: []string{bob.Recipient().String()}, identities: alice.String() + "\n" + bob.String(), stanzas: []string{"X25519"}},
		{name: "post-quantum", recipients: []string{hybrid.Recipient().String()}, identities: hybrid.String(), stanzas: []string{"mlkem768x25519"}},
		{name: "ssh-ed25519", recipients: []string{edPublic}, identities: edPrivate, stanzas: []string{"ssh-ed25519"}},
		{name: "ssh-rsa and x25519", recipients: []string{alice.Recipient().String(), rsaPublic}, identities: rsaPrivate, stanzas: []string{"X25519", "ssh-rsa"}},
		{name: "passphrase", passphrase: secret, extra: []age.Identity{secretIdentity}, stanzas: []string{"scrypt"}},
		{name: "passphrase and identity", passphrase: secret, identities: alice.String(), extra: []age.Identity{secretIdentity}, stanzas: []string{"scrypt"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var recipients []age.Recipient
			for _, text := range tc.recipients {
				r, err := ParseRecipient(text)
				if err != nil {
					t.Fatal(err)
				}
				recipients = append(recipients, r)
			}
			if tc.passphrase != nil {
				recipients = append(recipients, tc.passphrase)
			}
			identities := tc.extra
			if tc.identities != "" {
				parsed, err := ParseIdentities(strings.NewReader(tc.identities))
				if err != nil {
					t.Fatal(err)
				}
				identities = slices.Concat(parsed, tc.extra)
			}
			binary := sealedBytes(t, sample(), recipients...)
			for _, data := range [][]byte{binary, armoredBytes(t, binary)} {
				got, err := Read(bytes.NewReader(data), identities...)
				if err != nil {
					t.Fatal(err)
				}
				if d := diff(sample(), got); d != "" {
					t.Errorf("the key changes on the way (-want +got):\n%s", d)
				}
				info, err := Inspect(bytes.NewReader(data))
				if err != nil {
					t.Fatal(err)
				}
				if !info.Sealed || info.Armored == (&data[0] == &binary[0]) || info.Size != int64(len(data)) ||
					!slices.Equal(info.Recipients, tc.stanzas) || info.Passphrase() != (tc.passphrase != nil) {
					t.Errorf("Inspect returns %+v for %d bytes sealed to %v", info, len(data), tc.stanzas)
				}
			}
		})
	}
}

func TestPlain(t *testing.T) {
	data := plainBytes(t, sample())
	if !bytes.HasPrefix(data, []byte("advparams plain key 1: not encrypted")) {
		t.Errorf("a plain key starts with %q, which does not say so", data[:40])
	}
	for _, identities := range [][]age.Identity{nil, {x25519(t)}} {
		got, err := Read(bytes.NewReader(data), identities...)
		if err != nil {
			t.Fatal(err)
		}
		if d := diff(sample(), got); d != "" {
			t.Errorf("the key changes on the way (-want +got):\n%s", d)
		}
	}
	info, err := Inspect(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if info.Sealed || info.Armored || info.Passphrase() || info.Recipients != nil || info.Size != int64(len(data)) {
		t.Errorf("Inspect returns %+v for a plain key of %d bytes", info, len(data))
	}
}

func TestWrongIdentity(t *testing.T) {
	alice, bob := x25519(t), x25519(t)
	secret, secretIdentity := passphrase(t, "secret")
	_, otherIdentity := passphrase(t, "other")
	toAlice, toPassphrase := sealedBytes(t, sample(), alice.Recipient()), sealedBytes(t, sample(), secret)
	for _, tc := range []struct {
		name       string
		data       []byte
		identities []age.Identity
		message    string
	}{
		{"none", toAlice, nil, "sealed to X25519"},
		{"other", toAlice, []age.Identity{bob}, "sealed to X25519"},
		{"passphrase for identity", toAlice, []age.Identity{secretIdentity}, "sealed to X25519"},
		{"armored", armoredBytes(t, toAlice), []age.Identity{bob}, "sealed to X25519"},
		{"no passphrase", toPassphrase, nil, "passphrase"},
		{"wrong passphrase", toPassphrase, []age.Identity{otherIdentity}, "passphrase"},
		{"identity for passphrase", toPassphrase, []age.Identity{alice}, "passphrase"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			k, err := Read(bytes.NewReader(tc.data), tc.identities...)
			if !errors.Is(err, ErrIdentity) || errors.Is(err, ErrDamaged) || k != nil {
				t.Fatalf("Read returns %v, %v; want ErrIdentity", k, err)
			}
			if !strings.Contains(err.Error(), tc.message) || hint.Of(err) == "" {
				t.Errorf("error %q (hint %q) does not say %q", err, hint.Of(err), tc.message)
			}
		})
	}
}

// rejected fails the test unless data is refused with one of the two errors.
func rejected(t *testing.T, what string, data []byte, identities ...age.Identity) {
	t.Helper()
	k, err := Read(bytes.NewReader(data), identities...)
	if k != nil || !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrIdentity) {
		t.Fatalf("%s: Read returns %v, %v", what, k, err)
	}
}

func TestDamage(t *testing.T) {
	id := x25519(t)
	sealed := sealedBytes(t, small(), id.Recipient())
	for name, data := range map[string][]byte{"plain": plainBytes(t, small()), "sealed": sealed} {
		for i := range data {
			for bit := range 8 {
				flipped := bytes.Clone(data)
				flipped[i] ^= 1 << bit
				rejected(t, name+": flipped bit", flipped, id)
			}
			rejected(t, name+": truncated", data[:i], id)
			rejected(t, name+": byte missing", slices.Delete(bytes.Clone(data), i, i+1), id)
		}
		rejected(t, name+": byte added", append(bytes.Clone(data), 0), id)
	}

	// Armor forgives white space around it, and nothing else.
	data := bytes.TrimSpace(armoredBytes(t, sealed))
	for i := range data {
		for bit := range 8 {
			flipped := bytes.Clone(data)
			flipped[i] ^= 1 << bit
			rejected(t, "armored: flipped bit", flipped, id)
		}
		rejected(t, "armored: truncated", data[:i], id)
	}
}

func TestNotAKey(t *testing.T) {
	id := x25519(t)
	encrypted := func(content string) string {
		var b bytes.Buffer
		w, err := age.Encrypt(&b, id.Recipient())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for _, tc := range []struct{ name, data, message string }{
		{"empty", "", "the file is empty"},
		{"text", "hello\n", "not a key file"},
		{"onnx", "\x08\x07\x12\x07pytorch\x1a\x032.0:", "not a key file"},
		{"identity", "# created: 2026-01-01\n# public key: " + id.Recipient().String() + "\n" + id.String() + "\n", "an identity"},
		{"next plain version", strings.Replace(string(plainBytes(t, small())), "key 1", "key 2", 1), "another version"},
		{"next age version", strings.Replace(encrypted("x"), "/v1", "/v2", 1), "age"},
		{"empty age file", encrypted(""), "not that of a key"},
		{"letter in age", encrypted("Dear Alice,\n"), "decoding the payload"},
		{"plain key in age", encrypted(string(plainBytes(t, small()))), "decoding the payload"},
		{"white space", strings.Repeat(" \n", 2000), "not a key file"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Read(strings.NewReader(tc.data), id)
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), tc.message) {
				t.Errorf("Read returns %v, want ErrDamaged with %q", err, tc.message)
			}
			if strings.Contains(err.Error()+hint.Of(err), id.String()) {
				t.Errorf("the error prints the identity: %v", err)
			}
		})
	}
}

func TestSealRefuses(t *testing.T) {
	secret, _ := passphrase(t, "secret")
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	r := x25519(t).Recipient()
	broken := small()
	broken.Record.Files = nil
	for _, tc := range []struct {
		name       string
		key        *Key
		recipients []age.Recipient
		message    string
	}{
		{"no recipient", small(), nil, "no recipient"},
		{"passphrase and recipient", small(), []age.Recipient{r, secret}, "passphrase"},
		{"two passphrases", small(), []age.Recipient{secret, secret}, "passphrase"},
		{"post-quantum and classic", small(), []age.Recipient{r, hybrid.Recipient()}, "post-quantum"},
		{"invalid key", broken, []age.Recipient{r}, "no file"},
		{"tool that is no text", &Key{Record: small().Record, Tool: "\xff"}, []age.Recipient{r}, "UTF-8"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var b bytes.Buffer
			err := Seal(&b, tc.key, tc.recipients...)
			if err == nil || !strings.Contains(err.Error(), tc.message) {
				t.Errorf("Seal returns %v, want an error with %q", err, tc.message)
			}
			if b.Len() > 0 {
				t.Errorf("Seal has written %d bytes", b.Len())
			}
		})
	}
	var b bytes.Buffer
	if err := WritePlain(&b, broken); err == nil || b.Len() > 0 {
		t.Errorf("WritePlain returns %v and has written %d bytes of an invalid key", err, b.Len())
	}
}
