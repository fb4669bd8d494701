package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/terminal"
)

type keygen struct {
	app         *app
	out         string
	of          string
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
replaced: what is sealed to an identity in it could no longer be opened. -y prints the
recipient of an identity that there is already.`,
		Example: "  advparams keygen -o me.txt\n  advparams keygen -y me.txt",
		RunE:    func(*cobra.Command, []string) error { return k.run() },
	}
	nothing(cmd)
	fileFlag(cmd, &k.out, "out", "o", "write the identity to `FILE`, readable for you alone, instead of standard output", "txt")
	fileFlag(cmd, &k.of, "recipient-of", "y", "print the recipients of the identities in `FILE`, one per line, and make none", "txt")
	cmd.Flags().BoolVar(&k.postQuantum, "pq", false, "post-quantum: a hybrid of X25519 and ML-KEM-768, with a long recipient")
	cmd.MarkFlagsMutuallyExclusive("out", "recipient-of")
	cmd.MarkFlagsMutuallyExclusive("pq", "recipient-of")
	return cmd
}

func (k *keygen) run() error {
	if k.of != "" {
		return k.recipients()
	}
	toFile := k.out != "" && k.out != standard
	if k.app.json && !toFile {
		return usagef("--json needs -o FILE: the identity is not part of the object")
	}
	id, err := advparams.NewIdentity(k.postQuantum)
	if err != nil {
		return err
	}
	if !toFile {
		_, err = id.WriteTo(k.app.stdout)
		if err == nil && !terminal.Is(k.app.stdout) {
			k.tell(id.Recipient)
		}
		return err
	}
	if err := id.WriteFile(k.out); err != nil {
		return err
	}
	k.tell(id.Recipient)
	if k.app.json {
		return k.app.result(map[string]string{"identity": k.out, "recipient": id.Recipient}, nil)
	}
	return nil
}

// recipients prints the recipients of an identity file.
func (k *keygen) recipients() error {
	all, err := advparams.RecipientsOf(k.of)
	if err != nil {
		return err
	}
	return k.app.result(map[string][]string{"recipients": all}, func(w io.Writer) {
		for _, r := range all {
			fmt.Fprintln(w, r)
		}
	})
}

func (k *keygen) tell(recipient string) {
	if !k.app.quiet {
		fmt.Fprintf(k.app.stderr, "Public key: %s\n", recipient)
	}
}
