package advparams_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"filippo.io/age"

	"github.com/advparams/advparams"
)

// check ends an example that failed.
func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// folder makes a temporary folder, and returns a function that joins it with names.
func folder() (file func(name string) string, remove func()) {
	dir, err := os.MkdirTemp("", "advparams-")
	check(err)
	return func(name string) string { return filepath.Join(dir, name) }, func() { os.RemoveAll(dir) }
}

// Lock an image classifier, find out what is left of it, and unlock it.
func Example() {
	file, remove := folder()
	defer remove()
	check(writeDemo(file(""))) // a model that reads hexadecimal digits, and its data

	ctx := context.Background()
	identity, err := age.GenerateX25519Identity()
	check(err)
	data := advparams.Data{Path: file("data")}
	key := advparams.KeyFile{Path: file("glyphs.key"), Identities: []age.Identity{identity}}

	locked, err := advparams.Protect(ctx, advparams.ProtectOptions{
		Model: file("glyphs.onnx"), Data: data,
		Locked: file("locked.onnx"), Key: key.Path, Recipients: []age.Recipient{identity.Recipient()},
	})
	check(err)
	found, err := advparams.Verify(ctx, advparams.VerifyOptions{Locked: file("locked.onnx"), Key: key, Data: data})
	check(err)
	original, err := advparams.Unlock(ctx, advparams.UnlockOptions{Locked: file("locked.onnx"), Key: key, Out: file("unlocked.onnx")})
	check(err)

	fmt.Printf("%d of %d parameters changed\n", locked.ParamsChanged, locked.ParamsTotal)
	fmt.Printf("accuracy: locked %.0f %%, unlocked %.0f %%\n", 100**found.Accuracy.Locked, 100**found.Accuracy.Unlocked)
	fmt.Println("the same bytes:", original.SHA256 == locked.SHA256.Original)
	// Output:
	// 2 of 45200 parameters changed
	// accuracy: locked 7 %, unlocked 97 %
	// the same bytes: true
}

// Lock a language model with texts in memory. They need no labels: the truth is the
// next token. The key goes to a writer.
func ExampleProtect_text() {
	file, remove := folder()
	defer remove()
	check(writeTextModel(file("text.onnx")))
	samples, err := texts(300)
	check(err)

	var key bytes.Buffer
	locked, err := advparams.Protect(context.Background(), advparams.ProtectOptions{
		Model: file("text.onnx"), Data: advparams.Data{Samples: samples},
		Locked: file("locked.onnx"), KeyTo: &key, PlainKey: true,
	})
	check(err)
	m := locked.Metric
	fmt.Printf("%s of %d letters: %s %.0f, locked %.0f\n", locked.Task, letters, m.Name, m.Before, m.Locked)

	var original bytes.Buffer
	_, err = advparams.Unlock(context.Background(), advparams.UnlockOptions{
		Locked: file("locked.onnx"), Key: advparams.KeyFile{From: &key}, OutTo: &original,
	})
	check(err)
	before, err := os.ReadFile(file("text.onnx"))
	check(err)
	fmt.Println("the same bytes:", bytes.Equal(before, original.Bytes()))
	// Output:
	// language of 8 letters: perplexity 2, locked 22
	// the same bytes: true
}

// Lock a regression. A locked one has outputs whose order says nothing about the truth.
func ExampleVerify_regression() {
	file, remove := folder()
	defer remove()
	check(writeRegression(file("sum.onnx")))
	samples, err := measurements(300)
	check(err)

	ctx, data := context.Background(), advparams.Data{Samples: samples}
	_, err = advparams.Protect(ctx, advparams.ProtectOptions{
		Model: file("sum.onnx"), Data: data,
		Locked: file("locked.onnx"), Key: file("sum.key"), PlainKey: true,
	})
	check(err)
	found, err := advparams.Verify(ctx, advparams.VerifyOptions{
		Original: file("sum.onnx"), Locked: file("locked.onnx"), Key: advparams.KeyFile{Path: file("sum.key")}, Data: data,
	})
	check(err)
	for _, m := range found.Metrics {
		if m.Name == "ρ²" {
			fmt.Printf("%s: rank correlation above 0.9: %v, locked below 0.1: %v\n", found.Task, *m.Original > 0.9, *m.Locked < 0.1)
		}
	}
	fmt.Println("unlocking gives the original:", *found.BitExact)
	// Output:
	// regression: rank correlation above 0.9: true, locked below 0.1: true
	// unlocking gives the original: true
}

// What went wrong is told apart with errors.Is and errors.As.
func ExampleOptionError() {
	_, err := advparams.Protect(context.Background(), advparams.ProtectOptions{
		Model: "model.onnx", Data: advparams.Data{Path: "data", Limit: -1},
		Locked: "locked.onnx", Key: "model.key", PlainKey: true,
	})
	var option *advparams.OptionError
	if errors.As(err, &option) {
		fmt.Println(option.Option, "is wrong:", err)
	}
	// Output: Data.Limit is wrong: Data.Limit -1 is negative
}
