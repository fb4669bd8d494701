package main

import (
	"fmt"
	"io"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/advparams/advparams/internal/terminal"
	"github.com/advparams/advparams/onnxio/atomicfile"
)

type keygen struct {
	app         *app
	out         string
	postQuantum bool
}

func newKeygen(a *app) *cobra.Command {
	k := &keygen{app: a}
	cmd := &cobra.Command{
		Use:   "keygen [-o FILE]",
		Short: "Make an age identity to seal keys to",
		Long: `Make an age identity, as age-keygen does. The identity (AGE-SECRET-KEY-…) opens
keys; keep it secret. The recipient (age1…) is what protect -r seals keys to. It is
printed on the standard error, and in a comment of the file. A file that exists is not
replaced: what is sealed to an identity in it could no longer be opened.`,
		Example: "  advparams keygen -o me.txt",
		RunE:    func(*cobra.Command, []string) error { return k.run() },
	}
	nothing(cmd)
	fileFlag(cmd, &k.out, "out", "o", "write the identity to `FILE`, readable for you alone, instead of standard output", "txt")
	cmd.Flags().BoolVar(&k.postQuantum, "pq", false, "post-quantum: a hybrid of X25519 and ML-KEM-768, with a long recipient")
	return cmd
}

func (k *keygen) run() error {
	toFile := k.out != "" && k.out != standard
	if k.app.json && !toFile {
		return usagef("--json needs -o FILE: the identity is not part of the object")
	}
	identity, recipient, err := k.generate()
	if err != nil {
		return err
	}
	text := fmt.Sprintf("# created: %s\n# public key: %s\n%s\n", time.Now().Format(time.RFC3339), recipient, identity)
	if !toFile {
		_, err = io.WriteString(k.app.stdout, text)
		if err == nil && !terminal.Is(k.app.stdout) {
			k.tell(recipient)
		}
		return err
	}
	var out atomicfile.Set
	defer out.Abort()
	f, err := out.CreatePrivate(k.out)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(f, text); err != nil {
		return err
	}
	if err := out.Commit(); err != nil {
		return err
	}
	k.tell(recipient)
	if k.app.json {
		return k.app.result(map[string]string{"identity": k.out, "recipient": recipient}, nil)
	}
	return nil
}

func (k *keygen) tell(recipient string) {
	if !k.app.quiet {
		fmt.Fprintf(k.app.stderr, "Public key: %s\n", recipient)
	}
}

func (k *keygen) generate() (identity, recipient string, err error) {
	if k.postQuantum {
		id, err := age.GenerateHybridIdentity()
		if err != nil {
			return "", "", err
		}
		return id.String(), id.Recipient().String(), nil
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return "", "", err
	}
	return id.String(), id.Recipient().String(), nil
}
