package wire_test

import (
	"bytes"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/wire"
)

func requests() []*wire.Request {
	seed, samples := uint64(7), 0
	data := wire.Data{Path: "/stage/1/data", Split: "train", Limit: 9, Seed: &seed, Preset: "tf", Preprocess: advparams.Preprocess{Mean: []float32{0.5, 0.25}, Std: []float32{0.1}}, Labels: "model", Task: "language", Output: "logits"}
	names := wire.Names{{Path: "/stage/1", Name: "s3://zoo"}, {Path: "/stage/10", Name: "gs://keys/deep"}}
	return []*wire.Request{
		{Inputs: &wire.Inputs{Model: "-a.onnx"}},
		{Threads: 2, Force: true, Names: names, Protect: &wire.Protect{
			Model: "/stage/1/a b.onnx", Output: "/stage/1/a.locked.onnx", Key: "/stage/10/a.key",
			Seal: wire.Seal{Recipients: []string{"age1x", "age1y"}, RecipientsFiles: []string{"/stage/1/team.txt"}}, Data: data,
			Search: wire.Search{Profile: "minimal", Samples: &samples, Target: 0.25, MaxParams: 3, TimeLimit: 90 * time.Second,
				Include: []string{"conv*"}, Exclude: []string{"*.bias"}, Bounds: "none", AllowPartial: true},
		}},
		{Names: names, Verify: &wire.Verify{Locked: "l.onnx", Original: "o.onnx", Key: "k", Identities: []string{"me.txt"}, Data: data, Report: "r.html"}},
		{Force: true, Attack: &wire.Attack{Locked: "l.onnx", Data: wire.Data{Path: "d"}, Test: "t", Notes: "n.json",
			Trials: wire.Trials{TestLimit: 5, Fraction: 0.5, Attacks: []string{"a", "b"}, Grid: []string{"sgd:0.1"}, Epochs: 3, Batch: 8, TimeLimit: time.Minute}}},
	}
}

func TestRequestsArriveWhole(t *testing.T) {
	for i, r := range requests() {
		text, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := wire.ReadRequest(bytes.NewReader(text))
		if err != nil || !reflect.DeepEqual(back, r) {
			t.Errorf("request %d: %v\n%+v\nwant\n%+v", i, err, back, r)
		}
	}
}

func TestBadRequests(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "reading the request: EOF"},
		{`{"version":1}`, "asks for no step"},
		{`{"version":1,"inputs":{"model":"a"},"attack":{}}`, "or for several"},
		{`{"version":2,"inputs":{"model":"a"}}`, "version 2 of the protocol, this program speaks 1"},
		{`{"version":1,"inputs":{"model":"a","depth":3}}`, `unknown field "depth"`},
	} {
		if _, err := wire.ReadRequest(strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %s", c.text, err, c.want)
		}
	}
}

func TestResponses(t *testing.T) {
	var b bytes.Buffer
	r := &wire.Response{
		Inputs: []wire.File{{Path: "a", Size: 3, Modified: time.Unix(5, 0).UTC(), SHA256: "00"}},
		Error:  &wire.Error{Kind: wire.Target, Message: "not reached", Advice: "go on", Status: 3},
	}
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	if back, err := wire.ParseResponse(b.Bytes()); err != nil || !reflect.DeepEqual(back, r) {
		t.Errorf("%v, %+v", err, back)
	}
	for _, c := range []struct{ text, want string }{
		{"", "ended without a response"},
		{"panic: no\n", "ended without a response"},
		{b.String() + b.String(), "ended without a response"},
		{`{"version":3}`, "version 3 of the protocol"},
		{`{"version":1,"error":{"message":"oops","status":0}}`, "status 0: oops"},
		{`{"version":1,"error":{"message":"oops","status":6}}`, "status 6: oops"},
	} {
		if _, err := wire.ParseResponse([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %s", c.text, err, c.want)
		}
	}
}

func TestNames(t *testing.T) {
	root := filepath.FromSlash("/stage")
	at := func(name string) string { return filepath.Join(root, filepath.FromSlash(name)) }
	names := wire.Names{{Path: at("1"), Name: "s3://zoo/models"}, {Path: at("10"), Name: "gs://keys"}, {Path: at("data/x.npz"), Name: "s3://zoo/x.npz"}}
	for path, want := range map[string]string{
		at("1/a.onnx"): "s3://zoo/models/a.onnx", at("1/deep/b.onnx"): "s3://zoo/models/deep/b.onnx", at("10/a.key"): "gs://keys/a.key",
		at("1"): "s3://zoo/models", at("data/x.npz"): "s3://zoo/x.npz", at("2/a.onnx"): at("2/a.onnx"), "": "", "a.onnx": "a.onnx",
	} {
		if got := names.Of(path); got != want {
			t.Errorf("%s is named %s, want %s", path, got, want)
		}
	}
	message := "cannot open " + at("10/a.key") + ": " + at("1/a.onnx") + " is not there"
	if got := names.In(message); filepath.ToSlash(got) != "cannot open gs://keys/a.key: s3://zoo/models/a.onnx is not there" {
		t.Error(got)
	}
}

func TestCommandLine(t *testing.T) {
	const data = "--split train --limit 9 --seed 7 --preset tf --mean 0.5,0.25 --std 0.1 --labels model --task language --output logits"
	for i, want := range []string{
		"inspect ./-a.onnx",
		"protect 's3://zoo/a b.onnx' --data s3://zoo/data " + data + " -o s3://zoo/a.locked.onnx --key gs://keys/deep/a.key -r age1x -r age1y -R s3://zoo/team.txt" +
			" --profile minimal --samples 0 --target-accuracy 0.25 --max-params 3 --time-limit 1m30s --include 'conv*' --exclude '*.bias' --bounds none --allow-partial --threads 2 --force",
		"verify --locked l.onnx --original o.onnx --key k -i me.txt --data s3://zoo/data " + data + " --report r.html",
		"attack l.onnx --data d --test t --test-limit 5 --fraction 0.5 --attacks a,b --grid sgd:0.1 --epochs 3 --batch 8 --time-limit 1m0s --state n.json --force",
	} {
		if got := wire.Shell(requests()[i].CommandLine()); got != want {
			t.Errorf("command line\n%s\nwant\n%s", got, want)
		}
	}
}

func TestShell(t *testing.T) {
	args := []string{"plain", "", "it's", "a b", "$HOME"}
	if got, want := wire.Shell(slices.Clone(args)), `plain '' 'it'\''s' 'a b' '$HOME'`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
