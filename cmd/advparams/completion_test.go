//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestCompletion asks shells to complete command lines, by the scripts that `advparams completion`
// prints. A shell that is not installed is skipped.
func TestCompletion(t *testing.T) {
	for _, shell := range []struct {
		name string
		args func(script, line string) []string
	}{
		{"bash", func(script, line string) []string {
			// Two functions are those of the package bash-completion, which not every bash has.
			return []string{"--norc", "-c", `_filedir() { for f in "$cur"*; do [[ $f =~ \.($1)$ ]] && COMPREPLY+=("$f"); done; }
_get_comp_words_by_ref() { words=("${COMP_WORDS[@]}"); cword=$COMP_CWORD; cur=${words[cword]}; prev=${words[cword-1]}; }
source "$1"; COMP_LINE=$2; COMP_POINT=${#2}; COMP_TYPE=9; read -ra COMP_WORDS <<<"$2"; [[ $2 == *' ' ]] && COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]}-1)); __start_advparams; printf '%s\n' "${COMPREPLY[@]}"`, "bash", script, line}
		}},
		{"zsh", func(script, line string) []string {
			return []string{"-f", "-c", `compdef() { }; source $1; _describe() { print -rl -- $completions }; _arguments() { print -rl -- *.onnx }
words=("${(@s: :)2}"); CURRENT=$#words; _advparams`, "zsh", script, line}
		}},
		{"fish", func(script, line string) []string {
			return []string{"--no-config", "-c", "source $argv[1]; complete -C $argv[2]", script, line}
		}},
		{"pwsh", func(script, line string) []string {
			return []string{"-NoProfile", "-NonInteractive", "-Command", "& { param($s, $l) . $s; (TabExpansion2 $l $l.Length).CompletionMatches.CompletionText } '" + script + "' '" + line + "'"}
		}},
	} {
		t.Run(shell.name, func(t *testing.T) {
			program, err := exec.LookPath(shell.name)
			if err != nil {
				t.Skipf("there is no %s", shell.name)
			}
			dir := t.TempDir()
			for _, name := range []string{"model.onnx", "notes.txt"} {
				if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			kind := strings.Replace(shell.name, "pwsh", "powershell", 1)
			text, err := exec.Command("advparams", "completion", kind).Output()
			if err != nil {
				t.Fatal(err)
			}
			script := filepath.Join(t.TempDir(), "completion.ps1")
			if err := os.WriteFile(script, text, 0o600); err != nil {
				t.Fatal(err)
			}
			for _, c := range []struct {
				line string
				want []string
			}{
				{"advparams prot", []string{"protect"}},
				{"advparams protect --max-par", []string{"--max-params"}},
				{"advparams protect --profile ", []string{"minimal", "sealed"}},
				{"advparams keygen --log-format ", []string{"text", "json"}},
				{"advparams inspect mod", []string{"model.onnx"}},
			} {
				cmd := exec.Command(program, shell.args(script, c.line)...)
				cmd.Dir = dir
				cmd.Env = append(os.Environ(), "HOME="+dir, "TERM=dumb")
				out, err := cmd.Output()
				if err != nil {
					t.Fatalf("%q: %v", c.line, err)
				}
				var got []string
				for line := range strings.Lines(string(out)) { // some have a description behind them
					if name := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t\r\n:", r) }); len(name) > 0 {
						got = append(got, name[0])
					}
				}
				slices.Sort(got)
				want := slices.Sorted(slices.Values(c.want))
				if !slices.Equal(got, want) {
					t.Errorf("%q: %q, want %q", c.line, got, want)
				}
			}
		})
	}
}
