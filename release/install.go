package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"text/template"
)

// download is where the archives of a release lie.
const download = "https://github.com/advparams/advparams/releases/download/v"

var formulaText = template.Must(template.New("").Parse(`class Advparams < Formula
  desc "Lock neural networks in ONNX files with a key"
  homepage "https://github.com/advparams/advparams"
  version "{{.Version}}"
  license "Apache-2.0"
{{range .Systems}}
  on_{{.Name}} do
{{- range .Archives}}
    on_{{.Name}} do
      url "{{.URL}}"
      sha256 "{{.Sum}}"
    end
{{- end}}
  end
{{end}}
  def install
    bin.install "advparams"
    man1.install Dir["man/man1/*.1"]
    bash_completion.install "completions/advparams.bash" => "advparams"
    zsh_completion.install "completions/_advparams"
    fish_completion.install "completions/advparams.fish"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/advparams version")
    system bin/"advparams", "demo", "demo"
  end
end
`))

// link is an archive with its digest.
type link struct{ Name, URL, Sum string }

func (r *release) link(t target, name string) (link, error) {
	file := r.archive[t]
	sum, err := digest(filepath.Join(r.out, file))
	return link{name, download + r.version + "/" + file, sum}, err
}

// formula writes the formula of Homebrew.
func (r *release) formula() error {
	type system struct {
		Name     string
		Archives []link
	}
	var systems []system
	for _, s := range []struct{ name, os string }{{"macos", "darwin"}, {"linux", "linux"}} {
		one := system{Name: s.name}
		for _, a := range []struct{ name, arch string }{{"arm", "arm64"}, {"intel", "amd64"}} {
			t := target{s.os, a.arch}
			if r.archive[t] == "" {
				continue
			}
			l, err := r.link(t, a.name)
			if err != nil {
				return err
			}
			one.Archives = append(one.Archives, l)
		}
		if one.Archives != nil {
			systems = append(systems, one)
		}
	}
	if systems == nil {
		return nil
	}
	var out bytes.Buffer
	if err := formulaText.Execute(&out, map[string]any{"Version": r.version, "Systems": systems}); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.out, "advparams.rb"), out.Bytes(), 0o644)
}

// scoop writes the manifest of Scoop.
func (r *release) scoop() error {
	type archive struct {
		URL    string `json:"url"`
		Hash   string `json:"hash"`
		Folder string `json:"extract_dir"`
	}
	systems := map[string]archive{}
	for name, arch := range map[string]string{"64bit": "amd64", "arm64": "arm64"} {
		t := target{"windows", arch}
		if r.archive[t] == "" {
			continue
		}
		l, err := r.link(t, name)
		if err != nil {
			return err
		}
		folder := r.archive[t]
		systems[name] = archive{l.URL, l.Sum, folder[:len(folder)-len(".zip")]}
	}
	if len(systems) == 0 {
		return nil
	}
	text, err := json.MarshalIndent(map[string]any{
		"version": r.version, "description": "Lock neural networks in ONNX files with a key",
		"homepage": "https://github.com/advparams/advparams", "license": "Apache-2.0",
		"architecture": systems, "bin": "advparams.exe",
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.out, "advparams.json"), append(text, '\n'), 0o644)
}
