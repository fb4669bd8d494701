package key

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/plugin"
)

// The plugin of these tests is the test program itself, under another name. What it holds is
// an X25519 identity.
const testPlugin = "advptest"

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "age-plugin-"+testPlugin {
		runPlugin()
	}
	os.Exit(m.Run())
}

// runPlugin is the plugin.
func runPlugin() {
	p, err := plugin.New(testPlugin)
	if err != nil {
		os.Exit(1)
	}
	p.HandleRecipient(func(data []byte) (age.Recipient, error) { return age.ParseX25519Recipient(string(data)) })
	p.HandleIdentity(func(data []byte) (age.Identity, error) {
		if string(data) == "broken" {
			return nil, errors.New("the token is not plugged in")
		}
		return age.ParseX25519Identity(string(data))
	})
	os.Exit(p.Main())
}

// withPlugin puts the plugin on PATH.
func withPlugin(t *testing.T) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "age-plugin-"+testPlugin)); err != nil {
		t.Skip(err)
	}
	t.Setenv("PATH", dir)
}

// TestPlugin seals a key to a recipient of a plugin, and opens it with the plugin.
func TestPlugin(t *testing.T) {
	withPlugin(t)
	mine, other := x25519(t), x25519(t)
	recipients, err := ParseRecipients(strings.NewReader(plugin.EncodeRecipient(testPlugin, []byte(mine.Recipient().String())) + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	data := sealedBytes(t, small(), recipients...)
	open := func(held string) error {
		t.Helper()
		// In a file with a comment and an ordinary identity, which does not open the key.
		text := "# made by a test\n" + plugin.EncodeIdentity(testPlugin, []byte(held)) + "\n\n" + other.String() + "\n"
		ids, err := ParseIdentities(strings.NewReader(text))
		if err != nil || len(ids) != 2 {
			t.Fatalf("%d identities, %v", len(ids), err)
		}
		_, err = (&Secrets{Identities: ids}).Open(data)
		return err
	}
	if err := open(mine.String()); err != nil {
		t.Error(err)
	}
	if err := open(x25519(t).String()); !errors.Is(err, ErrIdentity) || errors.As(err, new(*PluginError)) {
		t.Errorf("another identity of the plugin: %v", err)
	}
	var failed *PluginError
	if err := open("broken"); !errors.Is(err, ErrIdentity) || !errors.As(err, &failed) || failed.Hint() == "" {
		t.Errorf("a plugin that fails: %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	if err := open(mine.String()); !errors.As(err, &failed) || !strings.Contains(err.Error(), "no program age-plugin-advptest") || !strings.Contains(failed.Hint(), "PATH") {
		t.Errorf("no plugin: %v", err)
	}
}

// TestPluginMalformed parses what is no identity or recipient of a plugin. Errors do not have
// the secret.
func TestPluginMalformed(t *testing.T) {
	id := plugin.EncodeIdentity(testPlugin, []byte("secret"))
	if _, err := ParseIdentities(strings.NewReader("# x\n" + id[:len(id)-1] + "Q\n")); err == nil || !strings.Contains(err.Error(), "line 2") || strings.Contains(err.Error(), id[20:]) {
		t.Errorf("a typing error in an identity: %v", err)
	}
	r := plugin.EncodeRecipient(testPlugin, []byte("public"))
	if _, err := ParseRecipient(r[:len(r)-1] + "q"); err == nil {
		t.Error("a typing error in a recipient")
	}
}
