package key

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/advparams/advparams/internal/hint"
)

func TestParseRecipients(t *testing.T) {
	a, b := x25519(t).Recipient().String(), x25519(t).Recipient().String()
	ssh, _ := sshEd25519(t)
	secret := x25519(t).String()
	for _, tc := range []struct {
		name, text string
		want       int
		message    string
	}{
		{name: "one", text: a, want: 1},
		{name: "comments, empty lines, CRLF", text: "# team\r\n\r\n" + a + "\r\n  " + b + "  \n#" + a + "\n", want: 2},
		{name: "ssh and age", text: ssh + "\n" + a + "\n", want: 2},
		{name: "empty", text: "# nobody yet\n\n", message: "no recipient in it"},
		{name: "identity", text: a + "\n" + secret + "\n", message: "line 2: this is an identity"},
		{name: "word", text: "\nalice\n", message: "line 2: not a recipient"},
		{name: "typing error", text: a[:len(a)-1], message: "line 1: malformed recipient"},
		{name: "typing error, post-quantum", text: "age1pq1xyz", message: "malformed recipient"},
		{name: "ssh without key", text: "ssh-ed25519", message: "malformed SSH recipient"},
		{name: "too large", text: strings.Repeat("#", maxText+1), message: "more than"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := ParseRecipients(strings.NewReader(tc.text))
			check(t, len(got), err, tc.want, tc.message)
			if err != nil && strings.Contains(err.Error()+hint.Of(err), secret) {
				t.Errorf("the error prints the identity: %v", err)
			}
		})
	}
}

func TestParseIdentities(t *testing.T) {
	a, b := x25519(t), x25519(t)
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	_, ssh := sshEd25519(t)
	typo := strings.Replace(a.String(), "AGE-SECRET-KEY-1", "AGE-SECRET-KEY-1Q", 1)
	encrypted := string(sealedBytes(t, small(), a.Recipient())) // any age file will do
	for _, tc := range []struct {
		name, text string
		want       int
		message    string
	}{
		{name: "age-keygen", text: "# created: 2026-01-01T00:00:00Z\n# public key: " + a.Recipient().String() + "\n" + a.String() + "\n", want: 1},
		{name: "two, CRLF", text: a.String() + "\r\n\r\n" + b.String() + "\r\n", want: 2},
		{name: "post-quantum", text: hybrid.String(), want: 1},
		{name: "ssh", text: ssh, want: 1},
		{name: "empty", text: "", message: "no identities found"},
		{name: "recipient", text: a.Recipient().String(), message: "line 1"},
		{name: "typing error", text: a.String() + "\n" + typo, message: "line 2"},
		{name: "ssh cut off", text: ssh[:60], message: "SSH private key"},
		{name: "ssh public key in PEM", text: "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n", message: "SSH private key"},
		{name: "encrypted", text: encrypted, message: "encrypted itself"},
		{name: "encrypted, armored", text: string(armoredBytes(t, []byte(encrypted))), message: "encrypted itself"},
		{name: "too large", text: strings.Repeat("#", maxText+1), message: "more than"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := ParseIdentities(strings.NewReader(tc.text))
			check(t, len(got), err, tc.want, tc.message)
			if err != nil && strings.Contains(err.Error()+hint.Of(err), typo[20:]) {
				t.Errorf("the error prints the identity: %v", err)
			}
		})
	}
}

func check(t *testing.T, got int, err error, want int, message string) {
	t.Helper()
	switch {
	case message == "" && (err != nil || got != want):
		t.Errorf("got %d, %v; want %d", got, err, want)
	case message != "" && (err == nil || got != 0 || !strings.Contains(err.Error(), message)):
		t.Errorf("got %d, %v; want an error with %q", got, err, message)
	}
}

func TestParseFiles(t *testing.T) {
	id := x25519(t)
	write := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	identities := write("id.txt", "# mine\n"+id.String()+"\n")
	recipients := write("team.txt", id.Recipient().String()+"\n")

	ids, err := ParseIdentityFile(identities)
	check(t, len(ids), err, 1, "")
	rs, err := ParseRecipientFile(recipients)
	check(t, len(rs), err, 1, "")

	// The wrong way round: the error names the file and tells what to give.
	ids, err = ParseIdentityFile(recipients)
	check(t, len(ids), err, 0, "team.txt: ")
	if hint.Of(err) == "" {
		t.Errorf("no hint with %q", err)
	}
	rs, err = ParseRecipientFile(identities)
	check(t, len(rs), err, 0, "id.txt: line 2: ")
	if hint.Of(err) == "" {
		t.Errorf("no hint with %q", err)
	}

	missing := filepath.Join(t.TempDir(), "missing.txt")
	if _, err := ParseIdentityFile(missing); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ParseIdentityFile returns %v for a missing file", err)
	}
	if _, err := ParseRecipientFile(missing); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ParseRecipientFile returns %v for a missing file", err)
	}
}
