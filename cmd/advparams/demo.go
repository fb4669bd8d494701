package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/clidoc"
	"github.com/advparams/advparams/internal/terminal"
	"github.com/advparams/advparams/models"
)

type demo struct {
	app   *app
	dir   string
	force bool
}

func newDemo(a *app) *cobra.Command {
	d := &demo{app: a}
	cmd := &cobra.Command{
		Use:   "demo [DIR]",
		Short: "Lock, verify and unlock a small model that is included",
		Long: `Show all steps on a small model and its data, which are part of the program: make an
identity, lock the model, measure what is left of it, unlock it. Every step
runs the command that it shows. The files stay in DIR, advparams-demo by default.`,
		Example: "  advparams demo",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("one folder at a time, %q is too much", args[1])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			d.dir = "advparams-demo"
			if len(args) > 0 {
				d.dir = args[0]
			}
			return d.run(cmd.Context())
		},
	}
	cmd.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	cmd.Flags().BoolVar(&d.force, "force", false, "replace the files of an earlier demo, except the identity, which is reused")
	return cmd
}

// step is one command of the demo.
type step struct {
	story string
	args  []string
}

func (d *demo) run(ctx context.Context) error {
	file := func(name string) string { return filepath.Join(d.dir, name) }
	model, data := file(models.ModelFile), file(models.DataFolder)
	identity, locked, sidecar, unlocked, page := file("me.txt"), file("locked.onnx"), file("glyphs.key"), file("unlocked.onnx"), file("report.html")
	if err := models.Install(d.dir, d.force, locked, unlocked, page); err != nil {
		return err
	}
	if err := d.removeKey(sidecar, identity); err != nil {
		return err
	}
	d.say("%s reads hexadecimal digits in bad quality and is right on %.1f %% of them.\n", model, 100*models.Accuracy)

	d.say("\n1. Make an identity, which will open the key.\n\n")
	recipient, err := d.identity(ctx, identity)
	if err != nil {
		return err
	}
	steps := []step{
		{"2. Lock the model: find the few parameters on which most depends, and change them.",
			[]string{"protect", model, "--data", data, "-o", locked, "--key", sidecar, "-r", recipient}},
		{"3. Look at it: what are the answers worth on data that the search has not seen?",
			[]string{"verify", "--original", model, "--locked", locked, "--key", sidecar, "-i", identity, "--data", data, "--report", page}},
		{"4. Unlock it with the key: the same bytes as at the beginning.",
			[]string{"unlock", locked, "--key", sidecar, "-i", identity, "-o", unlocked}},
	}
	results := map[string]json.RawMessage{}
	for _, s := range steps {
		d.say("\n%s\n\n", s.story)
		out, err := d.do(ctx, s.args)
		if err != nil {
			return err
		}
		results[s.args[0]] = out
	}
	d.say("\nThe files are in %s. Open %s in a browser, or lock a model of your own.\n", d.dir, page)
	if d.app.json {
		return d.app.result(map[string]any{"dir": d.dir, "protect": results["protect"], "verify": results["verify"], "unlock": results["unlock"]}, nil)
	}
	return nil
}

func (d *demo) say(format string, args ...any) {
	if !d.app.json {
		terminal.Print(d.app.stdout, fmt.Sprintf(format, args...))
	}
}

// identity makes the identity, unless an earlier demo did, and returns its recipient.
func (d *demo) identity(ctx context.Context, path string) (recipient string, err error) {
	if _, err := os.Lstat(path); err == nil && d.force {
		d.say("There is one in %s already.\n", path)
	} else if _, err := d.do(ctx, []string{"keygen", "-o", path}); err != nil {
		return "", err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if r, ok := strings.CutPrefix(line, "# public key: "); ok {
			return strings.TrimSpace(r), nil
		}
	}
	return "", fmt.Errorf("%s: no public key in it", path)
}

// removeKey removes the key of an earlier demo. No key is removed but one that leads
// back to the embedded model.
func (d *demo) removeKey(path, identity string) error {
	if _, err := os.Lstat(path); err != nil || !d.force {
		return nil
	}
	file, err := (&openFlags{path: path, identities: []string{identity}}).file(d.app)
	if err != nil {
		return err
	}
	found, err := advparams.Inspect(context.Background(), advparams.InspectOptions{Path: path, Key: file})
	if err != nil {
		return err
	}
	embedded := fmt.Sprintf("%x", sha256.Sum256(models.Model()))
	if k := found.Key; k == nil || k.Content == nil || k.Content.Files[0].Original.SHA256 != embedded {
		return fmt.Errorf("%s is not the key of a demo", path)
	}
	return os.Remove(path)
}

// do shows a command and runs it. With --json it returns what the command printed.
func (d *demo) do(ctx context.Context, args []string) (json.RawMessage, error) {
	line := "$ advparams " + strings.Join(args, " ") + "\n"
	if width := terminal.Columns(d.app.stdout); width > 0 {
		line = strings.TrimLeft(clidoc.Shell(strings.TrimSpace(line), width), " ")
	}
	d.say("%s", line)
	if d.force && args[0] != "keygen" {
		args = append(args, "--force")
	}
	if d.app.quiet {
		args = append(args, "--quiet")
	}
	inner := &app{stdout: d.app.stdout, stderr: d.app.stderr}
	if !d.app.json {
		return nil, inner.execute(ctx, args)
	}
	var out bytes.Buffer
	inner.stdout = &out
	err := inner.execute(ctx, append(args, "--json"))
	return out.Bytes(), err
}
