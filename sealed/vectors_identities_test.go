package sealed

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"strings"
	"sync"
	"testing"
	"testing/cryptotest"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/armor"
	"golang.org/x/crypto/ssh"

	"github.com/advparams/advparams/key"
)

// Who opens the keys of vectors. Nothing of it is a secret.

// The passphrase of vectors, and work factors. The lowest takes a moment only; the highest
// is above what readers try unless they are told to.
const (
	vectorPassphrase = "correct horse battery staple"
	littleWork       = 10
	tooMuchWork      = 22
)

// people are whom keys of vectors are sealed to.
type people struct {
	mine, other *age.X25519Identity
	hybrid      *age.HybridIdentity
	ed25519     ssh.PublicKey
	rsa         ssh.PublicKey
	files       map[string][]byte // what is in the folder identities
}

// everybody makes the identities, the same in every run.
var everybody = sync.OnceValues(func() (*people, error) {
	p := &people{files: map[string][]byte{}}
	var err error
	if p.mine, err = age.GenerateX25519Identity(); err != nil {
		return nil, err
	}
	if p.other, err = age.GenerateX25519Identity(); err != nil {
		return nil, err
	}
	if p.hybrid, err = age.GenerateHybridIdentity(); err != nil {
		return nil, err
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	if p.ed25519, err = p.add("ssh-ed25519", public, private); err != nil {
		return nil, err
	}
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	if p.rsa, err = p.add("ssh-rsa", &long.PublicKey, long); err != nil {
		return nil, err
	}
	p.files["x25519.txt"] = []byte(p.mine.String() + "\n")
	p.files["other.txt"] = []byte(p.other.String() + "\n")
	p.files["hybrid.txt"] = []byte(p.hybrid.String() + "\n")
	p.files["several.txt"] = []byte("# two identities, of which the second opens most keys\n\n" +
		p.other.String() + "\n# public key: " + p.mine.Recipient().String() + "\n" + p.mine.String())
	p.files["windows.txt"] = []byte("# lines end as on Windows\r\n" + p.mine.String() + "\r\n")
	return p, nil
})

// add makes the file of an SSH key.
func (p *people) add(name string, public, private any) (ssh.PublicKey, error) {
	block, err := ssh.MarshalPrivateKey(private, "test vector")
	if err != nil {
		return nil, err
	}
	p.files[name] = pem.EncodeToMemory(block)
	return ssh.NewPublicKey(public)
}

// identities returns the files in the folder identities.
func identities(t *testing.T) map[string][]byte {
	t.Helper()
	cryptotest.SetGlobalRandom(t, 1)
	p, err := everybody()
	if err != nil {
		t.Fatal(err)
	}
	return p.files
}

// sealedTo seals a key, with the same random numbers in every run.
func sealedTo(recipients func(t *testing.T, p *people) []age.Recipient) func(t *testing.T, k *key.Key) []byte {
	return func(t *testing.T, k *key.Key) []byte {
		t.Helper()
		p, err := everybody()
		if err != nil {
			t.Fatal(err)
		}
		cryptotest.SetGlobalRandom(t, 2)
		var b bytes.Buffer
		if err := key.Seal(&b, k, recipients(t, p)...); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
}

func toMe(_ *testing.T, p *people) []age.Recipient { return []age.Recipient{p.mine.Recipient()} }

func toOther(_ *testing.T, p *people) []age.Recipient { return []age.Recipient{p.other.Recipient()} }

func toHybrid(_ *testing.T, p *people) []age.Recipient { return []age.Recipient{p.hybrid.Recipient()} }

func toEd25519(t *testing.T, p *people) []age.Recipient {
	return []age.Recipient{overSSH(t, p.ed25519)}
}

func toRSA(t *testing.T, p *people) []age.Recipient { return []age.Recipient{overSSH(t, p.rsa)} }

func toAll(t *testing.T, p *people) []age.Recipient {
	return []age.Recipient{p.other.Recipient(), overSSH(t, p.ed25519), p.mine.Recipient()}
}

func overSSH(t *testing.T, public ssh.PublicKey) age.Recipient {
	t.Helper()
	r, err := agessh.ParseRecipient(strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public))))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// toPassphrase is for a passphrase, with a work factor.
func toPassphrase(work int) func(t *testing.T, p *people) []age.Recipient {
	return func(t *testing.T, _ *people) []age.Recipient {
		t.Helper()
		r, err := age.NewScryptRecipient(vectorPassphrase)
		if err != nil {
			t.Fatal(err)
		}
		r.SetWorkFactor(work)
		return []age.Recipient{r}
	}
}

// withMuchWork seals for a passphrase and then raises the work factor that the header
// names. Nobody gets as far as to find that it was changed.
func withMuchWork(t *testing.T, k *key.Key) []byte {
	t.Helper()
	sealed := sealedTo(toPassphrase(littleWork))(t, k)
	return bytes.Replace(sealed, []byte(" 10\n"), []byte(" 22\n"), 1)
}

// armored puts ASCII armor around a key, and text before and behind it.
func armored(before, behind string, container func(t *testing.T, k *key.Key) []byte) func(t *testing.T, k *key.Key) []byte {
	return func(t *testing.T, k *key.Key) []byte {
		t.Helper()
		b := bytes.NewBufferString(before)
		w := armor.NewWriter(b)
		if _, err := w.Write(container(t, k)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		b.WriteString(behind)
		return b.Bytes()
	}
}
