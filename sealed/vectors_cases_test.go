package sealed

import (
	"bytes"
	"fmt"
	"math"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/advparams/advparams/key"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"github.com/advparams/advparams/seal"
)

// A few places in a tensor of 100 elements.
var few = []int{3, 4, 40, 60, 99}

func float(n int) *onnxpb.TensorProto { return rawTensor("w", onnxpb.TensorProto_FLOAT, n) }

func keyCases() []keyCase {
	var all []keyCase
	for _, list := range [][]keyCase{
		patchCases(), spliceCases(), kindCases(), varintCases(), placeCases(), externalCases(), stepCases(),
		containerCases(), identityCases(), mismatchCases(), resultCases(),
	} {
		all = append(all, list...)
	}
	return all
}

// patchCases have elements to put back.
func patchCases() []keyCase {
	everywhere := make([]int, 100)
	for i := range everywhere {
		everywhere[i] = i
	}
	two := manyTensors(rawTensor("a", onnxpb.TensorProto_FLOAT, 50), rawTensor("b", onnxpb.TensorProto_FLOAT16, 60))
	return []keyCase{
		{folder: "patches", about: "five elements have other values", format: 1, model: oneTensor(float(100)), lock: edit(few...)},
		{folder: "patch-first", about: "the first element has another value", format: 1, model: oneTensor(float(100)), lock: edit(0)},
		{folder: "patch-last", about: "the last element has another value", format: 1, model: oneTensor(float(100)), lock: edit(99)},
		{folder: "patch-all", about: "all elements have other values", format: 1, model: oneTensor(float(100)), lock: edit(everywhere...)},
		{folder: "patch-8-bits", about: "elements of one byte", format: 1, model: oneTensor(rawTensor("w", onnxpb.TensorProto_INT8, 100)), lock: edit(few...)},
		{folder: "patch-16-bits", about: "elements of two bytes", format: 1, model: oneTensor(rawTensor("w", onnxpb.TensorProto_FLOAT16, 100)), lock: edit(few...)},
		{folder: "patch-64-bits", about: "elements of eight bytes", format: 1, model: oneTensor(rawTensor("w", onnxpb.TensorProto_DOUBLE, 100)), lock: edit(few...)},
		{folder: "patch-far-apart", about: "distances of two and three bytes as varints", format: 1, model: oneTensor(float(20000)), lock: edit(0, 127, 255, 500, 19999)},
		{folder: "patch-packed", about: "elements in float_data, packed", format: 1, model: oneTensor(typed(float(100), true)), lock: edit(few...)},
		{folder: "patch-stride", about: "elements in float_data, a tag in front of each: the stride is above the width", format: 1, model: oneTensor(typed(float(100), false)), lock: edit(few...)},
		{folder: "patch-two-tensors", about: "two tensors", format: 1, model: two, lock: edits([]string{"a", "b"}, other, few[:3]...)},
		{folder: "flip", about: "five elements have other signs", format: 2, model: oneTensor(float(100)), lock: flip(1<<31, few...)},
		{folder: "flip-16-bits", about: "elements of two bytes in which all bits differ", format: 2, model: oneTensor(rawTensor("w", onnxpb.TensorProto_FLOAT16, 100)), lock: flip(0xffff, few...)},
		{folder: "flip-64-bits", about: "elements of eight bytes in which the highest and the lowest bit differ", format: 2, model: oneTensor(rawTensor("w", onnxpb.TensorProto_DOUBLE, 100)), lock: flip(1<<63|1, few...)},
		{folder: "flip-and-values", about: "some elements have other signs, others have other values", format: 2, model: oneTensor(float(100)),
			lock: edits([]string{"w"}, func(i int, bits uint64) uint64 {
				if i < 50 {
					return bits ^ 1<<31
				}
				return uint64(i)
			}, 3, 4, 5, 6, 7, 60, 99)},
	}
}

// spliceCases have parts of the model file to put back.
func spliceCases() []keyCase {
	model := oneTensor(float(100))
	text := []byte("something else")
	return []keyCase{
		{folder: "splice-begin", about: "bytes to put in front of the file", format: 1, model: model, lock: spliced(cut{0, 5, nil})},
		{folder: "splice-end", about: "bytes to put at the end of the file", format: 1, model: model, lock: spliced(cut{-6, -1, nil})},
		{folder: "splice-remove", about: "bytes to take out", format: 1, model: model, lock: spliced(cut{20, 20, text}, cut{-1, -1, text})},
		{folder: "splice-same-length", about: "bytes to replace by as many", format: 1, model: model, lock: spliced(cut{100, 100 + len(text), text})},
		{folder: "splice-all", about: "the whole file is replaced", format: 1, model: model, lock: spliced(cut{0, -1, text})},
		{folder: "splice-empty", about: "the locked file is empty", format: 1, model: model, lock: spliced(cut{0, -1, nil})},
		{folder: "splice-many", about: "many parts of different lengths", format: 1, model: model,
			lock: spliced(cut{3, 4, text}, cut{4, 9, nil}, cut{30, 30, text[:3]}, cut{50, 90, text}, cut{90, 90, text[:1]}, cut{200, 202, text[:2]})},
	}
}

// kindCases have one for every kind of elements.
func kindCases() (cases []keyCase) {
	for _, dt := range []onnxpb.TensorProto_DataType{
		onnxpb.TensorProto_UINT8, onnxpb.TensorProto_FLOAT, onnxpb.TensorProto_DOUBLE, onnxpb.TensorProto_FLOAT16, onnxpb.TensorProto_BFLOAT16,
		onnxpb.TensorProto_FLOAT8E4M3FN, onnxpb.TensorProto_FLOAT8E4M3FNUZ, onnxpb.TensorProto_FLOAT8E5M2, onnxpb.TensorProto_FLOAT8E5M2FNUZ,
		onnxpb.TensorProto_FLOAT8E8M0, onnxpb.TensorProto_INT32, onnxpb.TensorProto_INT64, onnxpb.TensorProto_UINT32, onnxpb.TensorProto_UINT64,
	} {
		kind := kinds[dt]
		cases = append(cases, keyCase{folder: kind.String(), about: fmt.Sprintf("elements of kind %d, %v", kind, kind), format: 3, model: oneTensor(rawTensor("w", dt, 101)), lock: sealAll})
	}
	sealed := func(folder, about string, w *onnxpb.TensorProto) {
		cases = append(cases, keyCase{folder: folder, about: about, format: 3, model: oneTensor(w), lock: sealAll})
	}
	sealed("int16", "int16 is sealed as bytes", rawTensor("w", onnxpb.TensorProto_INT16, 101))
	sealed("zeros", "every element is zero", filled(float(101), 0))
	sealed("infinite", "every element is infinite", filled(float(101), math.Float32bits(float32(math.Inf(1)))))
	sealed("nan", "every element is NaN", filled(float(101), 0x7fc00001))
	sealed("denormal", "every element is denormal", filled(float(101), 0x80000155))
	sealed("minus-one", "every integer is -1", filled(rawTensor("w", onnxpb.TensorProto_INT32, 101), math.MaxUint32))
	sealed("keep-signs", "no element is negative: signs stay", positive(float(101)))
	sealed("keep-signs-int32", "no integer is negative: signs stay", positive(rawTensor("w", onnxpb.TensorProto_INT32, 101)))
	sealed("damped", "exponents are exchanged", rawTensor("damped", onnxpb.TensorProto_FLOAT, 200))
	sealed("damped-float16", "exponents of float16 are exchanged", rawTensor("damped", onnxpb.TensorProto_FLOAT16, 200))
	sealed("damped-bfloat16", "exponents of bfloat16 are exchanged", rawTensor("damped", onnxpb.TensorProto_BFLOAT16, 200))
	sealed("damped-float8", "exponents of float8e4m3fn are exchanged", rawTensor("damped", onnxpb.TensorProto_FLOAT8E4M3FN, 200))
	return cases
}

// varintCases have elements that are stored as varints.
func varintCases() (cases []keyCase) {
	add := func(folder, about string, w *onnxpb.TensorProto) {
		cases = append(cases, keyCase{folder: "varints-" + folder, about: about, format: 3, model: oneTensor(w), lock: sealAll})
	}
	add("int32", "int32 as varints", varints("w", onnxpb.TensorProto_INT32, 101))
	add("int8", "int8 as varints", varints("w", onnxpb.TensorProto_INT8, 101))
	add("float16", "float16 as varints, more than one block", varints("w", onnxpb.TensorProto_FLOAT16, 4100))
	add("bfloat16", "bfloat16 as varints", varints("w", onnxpb.TensorProto_BFLOAT16, 101))
	add("uint16", "uint16 as varints", varints("w", onnxpb.TensorProto_UINT16, 101))
	add("float8", "float8e5m2 as varints", varints("w", onnxpb.TensorProto_FLOAT8E5M2, 101))
	long := rawTensor("w", onnxpb.TensorProto_INT64, 101)
	for i, b := range elementsOf(long, 8) {
		long.Int64Data = append(long.Int64Data, int64(b)>>(i%64))
	}
	long.RawData = nil
	add("int64", "int64 as varints of one to ten bytes", long)
	natural := rawTensor("w", onnxpb.TensorProto_UINT64, 101)
	for i, b := range elementsOf(natural, 8) {
		natural.Uint64Data = append(natural.Uint64Data, b<<40>>(i%64))
	}
	natural.RawData = nil
	add("uint64", "uint64 as varints", natural)
	one := varints("w", onnxpb.TensorProto_INT32, 1)
	one.Int32Data[0] = -5
	add("one", "a single varint, of a negative number", one)
	return cases
}

// placeCases are about where elements lie.
func placeCases() []keyCase {
	three := manyTensors(rawTensor("first", onnxpb.TensorProto_FLOAT, 20), rawTensor("second", onnxpb.TensorProto_FLOAT, 20), rawTensor("third", onnxpb.TensorProto_INT8, 33))
	mixed := manyTensors(rawTensor("a", onnxpb.TensorProto_FLOAT16, 4097), varints("b", onnxpb.TensorProto_INT32, 50), rawTensor("damped", onnxpb.TensorProto_FLOAT, 20), rawTensor("d", onnxpb.TensorProto_UINT8, 5000), rawTensor("e", onnxpb.TensorProto_DOUBLE, 3))
	var many []*onnxpb.TensorProto
	for i := range 40 {
		many = append(many, rawTensor(fmt.Sprintf("w%d", i), onnxpb.TensorProto_FLOAT, i+1))
	}
	return []keyCase{
		{folder: "one", about: "a single element", format: 3, model: oneTensor(float(1)), lock: sealAll},
		{folder: "two", about: "two elements", format: 3, model: oneTensor(float(2)), lock: sealAll},
		{folder: "block", about: "exactly one block", format: 3, model: oneTensor(rawTensor("w", onnxpb.TensorProto_FLOAT16, 4096)), lock: sealAll},
		{folder: "block-less-one", about: "an element less than a block", format: 3, model: oneTensor(rawTensor("w", onnxpb.TensorProto_BFLOAT16, 4095)), lock: sealAll},
		{folder: "blocks", about: "more than one block, the last one short", format: 3, model: oneTensor(float(4096 + 5)), lock: sealAll},
		{folder: "blocks-of-doubles", about: "blocks of eight bytes an element, the last of one element", format: 3, model: oneTensor(rawTensor("w", onnxpb.TensorProto_DOUBLE, 2*4096+1)), lock: sealAll},
		{folder: "blocks-of-bytes", about: "bytes are not permuted, and their blocks are smaller", format: 3, model: oneTensor(rawTensor("w", onnxpb.TensorProto_UINT8, 2*4096+100)), lock: sealAll},
		{folder: "many-blocks", about: "nineteen blocks", format: 3, model: oneTensor(rawTensor("w", onnxpb.TensorProto_FLOAT16, 18*4096+99)), lock: sealAll},
		{folder: "tensors", about: "three tensors in one file", format: 3, model: three, lock: sealAll},
		{folder: "tensors-of-all-kinds", about: "tensors of several kinds, varints and exchanged exponents in one file", format: 3, model: mixed, lock: sealAll},
		{folder: "many-tensors", about: "forty tensors", format: 3, model: manyTensors(many...), lock: sealAll},
		{folder: "some-tensors", about: "one of three tensors is sealed", format: 3, model: three, lock: sealSome(func(name string) bool { return name == "second" })},
	}
}

// externalCases have data files.
func externalCases() []keyCase {
	a, b := rawTensor("a", onnxpb.TensorProto_FLOAT, 50), rawTensor("b", onnxpb.TensorProto_FLOAT16, 60)
	dataA, dataB := append(make([]byte, 64), a.RawData...), append(bytes.Clone(b.RawData), "and what else is in the file"...)
	w := float(100).RawData
	one := func(name string) *onnxpb.ModelProto { return oneTensor(external(float(100), name, 0)) }
	two := func() *onnxpb.ModelProto {
		return manyTensors(external(float(100), "a.bin", 0), external(rawTensor("b", onnxpb.TensorProto_FLOAT16, 60), "b.bin", 0))
	}
	dataTwo := map[string][]byte{"a.bin": w, "b.bin": b.RawData}
	return []keyCase{
		{folder: "external", about: "data files that have other names: splices, then a keystream", format: 3,
			model: manyTensors(external(a, "a.bin", 64), external(b, "data/b.bin", 0), rawTensor("c", onnxpb.TensorProto_FLOAT, 7)),
			data:  map[string][]byte{"a.bin": dataA, "data/b.bin": dataB}, lock: sealAll},
		{folder: "external-patches", about: "patches in a data file that has another name", format: 1, model: one("a.bin"), data: map[string][]byte{"a.bin": w}, lock: edit(few...)},
		{folder: "external-and-patches", about: "splices and patches of the model file in one step, and patches of a data file", format: 1,
			model: manyTensors(rawTensor("b", onnxpb.TensorProto_FLOAT, 60), external(float(100), "a.bin", 0), rawTensor("c", onnxpb.TensorProto_FLOAT, 60)),
			data:  map[string][]byte{"a.bin": w}, lock: edits([]string{"w", "b", "c"}, other, 5, 6, 59)},
		{folder: "external-flip", about: "signs in a data file", format: 2, model: one("a.bin"), data: map[string][]byte{"a.bin": w}, lock: flip(1<<31, few...)},
		{folder: "external-folder", about: "a data file in a folder of a folder", format: 1, model: one("data/more/a.bin"), data: map[string][]byte{"data/more/a.bin": w}, lock: edit(few...)},
		{folder: "external-unicode", about: "a data file whose name is not ASCII", format: 1, model: one("gewichte-ä-重み.bin"), data: map[string][]byte{"gewichte-ä-重み.bin": w}, lock: edit(few...)},
		{folder: "external-unchanged", about: "one of two data files is the original's", format: 1, model: two(), data: dataTwo, lock: edit(few...)},
		{folder: "external-two", about: "two data files, both sealed", format: 3, model: two(), data: dataTwo, lock: sealAll},
		{folder: "external-some", about: "two data files, one sealed", format: 3, model: two(), data: dataTwo, lock: sealSome(func(name string) bool { return name == "b" })},
		{folder: "external-changed", about: "a data file has been changed", format: 3, model: one("a.bin"), data: map[string][]byte{"a.bin": w}, lock: sealAll, error: "mismatch",
			damage: func(f map[string][]byte) { f["locked.onnx.data"][70] ^= 1 }},
		{folder: "external-changed-patches", about: "a data file has been changed in an element that the key puts back", format: 1, model: one("a.bin"), data: map[string][]byte{"a.bin": w}, lock: edit(0, 1), error: "mismatch",
			damage: func(f map[string][]byte) { f["locked.onnx.data"][0] ^= 1 }},
		{folder: "external-truncated", about: "a data file is cut off", format: 3, model: one("a.bin"), data: map[string][]byte{"a.bin": w}, lock: sealAll, error: "mismatch",
			damage: func(f map[string][]byte) { f["locked.onnx.data"] = f["locked.onnx.data"][:399] }},
		{folder: "external-longer", about: "a data file has a byte more", format: 1, model: one("a.bin"), data: map[string][]byte{"a.bin": w}, lock: edit(few...), error: "mismatch",
			damage: func(f map[string][]byte) { f["locked.onnx.data"] = append(f["locked.onnx.data"], 0) }},
		{folder: "external-empty", about: "a data file is empty", format: 1, model: one("a.bin"), data: map[string][]byte{"a.bin": w}, lock: edit(few...), error: "mismatch",
			damage: func(f map[string][]byte) { f["locked.onnx.data"] = nil }},
		{folder: "external-missing", about: "a data file is not there", format: 3, model: one("a.bin"), data: map[string][]byte{"a.bin": w}, lock: sealAll, error: "missing",
			damage: func(f map[string][]byte) { delete(f, "locked.onnx.data") }},
		{folder: "other-file", about: "the key has a data file that the original does not refer to", format: 1, model: one("a.bin"), data: map[string][]byte{"a.bin": w}, lock: edit(few...), error: "result",
			spoil: func(r *onnxio.Record) { r.Files[1].Name = ".bashrc" }},
	}
}

// stepCases have keys of several steps.
func stepCases() []keyCase {
	model := func() *onnxpb.ModelProto {
		return manyTensors(rawTensor("w", onnxpb.TensorProto_FLOAT, 100), rawTensor("v", onnxpb.TensorProto_FLOAT16, 5000))
	}
	v := sealSome(func(name string) bool { return name == "v" })
	return []keyCase{
		{folder: "twice", about: "locked twice: a keystream, then patches", format: 3, model: oneTensor(float(100)), lock: chain(edit(few...), sealAll)},
		{folder: "patches-keystream", about: "patches, then a keystream", format: 3, model: model(), lock: chain(sealAll, edit(few...))},
		{folder: "patches-patches", about: "patches, then patches of the same elements", format: 3, model: model(), lock: chain(edit(few...), flip(1<<31, few...))},
		{folder: "keystream-keystream", about: "two keystreams of the same tensors", format: 3, model: model(), lock: chain(sealAll, sealAll)},
		{folder: "keystreams-of-two-tensors", about: "two keystreams of different tensors", format: 3, model: model(), lock: chain(v, sealAll)},
		{folder: "splices-keystream-patches", about: "splices, a keystream, then patches", format: 3, model: model(), lock: chain(edit(few...), sealAll, spliced(cut{0, 5, nil}, cut{-40, -1, []byte("else")}))},
		{folder: "four-steps", about: "patches, a keystream, patches, a keystream", format: 3, model: model(), lock: chain(sealAll, edit(few...), v, edit(50, 51))},
	}
}

// containerCases are written in unusual but valid ways.
func containerCases() []keyCase {
	minimal := func(folder, about string, container func(t *testing.T, k *key.Key) []byte) keyCase {
		return keyCase{folder: folder, about: about, format: 1, model: oneTensor(float(100)), lock: edit(few...), container: container}
	}
	return []keyCase{
		minimal("payload-reversed", "fields of the payload in reverse order", func(t *testing.T, k *key.Key) []byte {
			return plainPayload(reverseFields(t, payloadOf(t, k)))
		}),
		minimal("payload-summary", "the summary has a field that nobody knows", func(t *testing.T, k *key.Key) []byte {
			summary := protowire.AppendVarint(protowire.AppendTag(nil, 1000, protowire.VarintType), 7)
			return plainPayload(protowire.AppendBytes(protowire.AppendTag(payloadOf(t, k), 5, protowire.BytesType), summary))
		}),
		minimal("payload-no-summary", "there is no summary", func(t *testing.T, k *key.Key) []byte {
			k.Summary, k.Tool = key.Summary{}, ""
			return plain(t, k)
		}),
	}
}

// identityCases have keys that are sealed, to those of the folder identities.
func identityCases() []keyCase {
	sealed := func(folder, about, identity string, container func(t *testing.T, k *key.Key) []byte) keyCase {
		return keyCase{folder: "sealed-" + folder, about: about, format: 1, model: oneTensor(float(100)), lock: edit(few...), container: container, identity: identity}
	}
	with := func(c keyCase, change func(c *keyCase)) keyCase {
		change(&c)
		return c
	}
	phrase := func(text, class string) func(c *keyCase) {
		return func(c *keyCase) { c.passphrase, c.error = text, class }
	}
	needs := func(what string) func(c *keyCase) { return func(c *keyCase) { c.needs = what } }
	fails := func(class string) func(c *keyCase) { return func(c *keyCase) { c.error = class } }
	mine := sealedTo(toMe)
	return []keyCase{
		sealed("x25519", "sealed to an X25519 recipient", "x25519.txt", mine),
		with(sealed("steps", "a key of format 3, sealed", "x25519.txt", mine), func(c *keyCase) { c.format, c.lock = 3, sealAll }),
		sealed("armor", "sealed and armored", "x25519.txt", armored("", "", mine)),
		sealed("armor-blank-lines", "armored, with blank lines around", "x25519.txt", armored("\n \n", "\n\n", mine)),
		sealed("to-three", "sealed to three recipients, of which the last is ours", "x25519.txt", sealedTo(toAll)),
		sealed("one-of-several", "an identity file with comments and two identities", "several.txt", mine),
		sealed("windows", "an identity file whose lines end as on Windows", "windows.txt", mine),
		with(sealed("hybrid", "sealed to a post-quantum recipient", "hybrid.txt", sealedTo(toHybrid)), needs("mlkem768x25519")),
		with(sealed("ssh-ed25519", "sealed to an SSH key", "ssh-ed25519", sealedTo(toEd25519)), needs("ssh-ed25519")),
		with(sealed("ssh-rsa", "sealed to an SSH key of RSA", "ssh-rsa", sealedTo(toRSA)), needs("ssh-rsa")),
		with(sealed("passphrase", "sealed with a passphrase", "", sealedTo(toPassphrase(littleWork))), phrase(vectorPassphrase, "")),
		with(sealed("passphrase-armor", "sealed with a passphrase, and armored", "", armored("", "", sealedTo(toPassphrase(littleWork)))), phrase(vectorPassphrase, "")),
		with(sealed("to-others", "sealed to somebody else", "x25519.txt", sealedTo(toOther)), fails("identity")),
		with(sealed("no-identity", "sealed, and no identity is given", "", mine), fails("identity")),
		with(sealed("wrong-passphrase", "another passphrase", "", sealedTo(toPassphrase(littleWork))), phrase("incorrect horse", "identity")),
		with(sealed("passphrase-for-identity", "a passphrase is given for a key that is sealed to an identity", "", mine), phrase(vectorPassphrase, "identity")),
		with(sealed("identity-for-passphrase", "an identity is given for a key that is sealed with a passphrase", "x25519.txt", sealedTo(toPassphrase(littleWork))), fails("identity")),
		with(sealed("much-work", "to try the passphrase takes 4 GiB of memory", "", withMuchWork), phrase(vectorPassphrase, "work")),
		with(sealed("damaged-header", "a bit of the header has been changed", "x25519.txt", mine), func(c *keyCase) {
			c.error, c.damage = "identity", func(f map[string][]byte) {
				k := f["model.key"]
				k[bytes.Index(k, []byte("X25519 "))+10] ^= 1
			}
		}),
		with(sealed("damaged-content", "a bit of the content has been changed", "x25519.txt", mine), func(c *keyCase) {
			c.error, c.damage = "damaged", func(f map[string][]byte) { f["model.key"][len(f["model.key"])-20] ^= 1 }
		}),
		with(sealed("damaged-end", "the end is missing", "x25519.txt", mine), func(c *keyCase) {
			c.error, c.damage = "damaged", func(f map[string][]byte) { f["model.key"] = f["model.key"][:len(f["model.key"])-1] }
		}),
	}
}

// mismatchCases have files that the key is not for.
func mismatchCases() []keyCase {
	mismatch := func(folder, about string, lock locker, damage func(f map[string][]byte)) keyCase {
		c := keyCase{folder: folder, about: about, format: 3, model: oneTensor(float(100)), lock: lock, error: "mismatch", damage: damage}
		if lock == nil {
			c.lock = sealAll
		} else {
			c.format = 1
		}
		return c
	}
	missing := mismatch("missing", "the locked file is not there", nil, func(f map[string][]byte) { delete(f, "locked.onnx") })
	missing.error = "missing"
	return []keyCase{
		mismatch("other-model", "the locked file has been changed", nil, func(f map[string][]byte) { f["locked.onnx"][60] ^= 1 }),
		mismatch("other-model-patches", "the locked file has been changed where the key has nothing", edit(few...), func(f map[string][]byte) { f["locked.onnx"][100] ^= 1 }),
		mismatch("truncated", "the locked file is cut off", nil, func(f map[string][]byte) { f["locked.onnx"] = f["locked.onnx"][:len(f["locked.onnx"])-1] }),
		mismatch("longer", "the locked file has a byte more", nil, func(f map[string][]byte) { f["locked.onnx"] = append(f["locked.onnx"], 0) }),
		mismatch("empty", "the locked file is empty", nil, func(f map[string][]byte) { f["locked.onnx"] = nil }),
		mismatch("original-instead", "the original in place of the locked file", nil, func(f map[string][]byte) { f["locked.onnx"] = f["original/model.onnx"] }),
		mismatch("original-instead-patches", "the original in place of the locked file: patches would leave it as it is", edit(few...), func(f map[string][]byte) { f["locked.onnx"] = f["original/model.onnx"] }),
		missing,
	}
}

// resultCases have keys that are valid, but do not lead to the original.
func resultCases() []keyCase {
	result := func(folder, about string, lock locker, spoil func(r *onnxio.Record)) keyCase {
		c := keyCase{folder: folder, about: about + ": what comes out is not the original", format: 3, model: oneTensor(float(100)), lock: lock, error: "result", spoil: spoil}
		if lock == nil {
			c.lock = sealAll
		}
		return c
	}
	first := func(r *onnxio.Record) *onnxio.SealedRange { return &r.Steps[0].Keystream.Ranges[0] }
	value := result("other-value", "a value is another one", edit(few...), func(r *onnxio.Record) { r.Patches[0].Original[0] ^= 1 })
	value.format = 1
	splice := result("other-splice", "a byte of a splice is another one", spliced(cut{0, 5, nil}), func(r *onnxio.Record) { r.Splices[0].Original[0] ^= 1 })
	splice.format = 1
	varint := result("other-varints", "the key says that there are varints where there are none", nil, func(r *onnxio.Record) {
		first(r).Varints, first(r).Tensor.KeepSigns = true, true
	})
	return []keyCase{
		result("other-seed", "the seed is another one", nil, func(r *onnxio.Record) { r.Steps[0].Keystream.Key.Seed[0] ^= 1 }),
		result("other-salt", "the salt is another one", nil, func(r *onnxio.Record) { r.Steps[0].Keystream.Key.Salt[31] ^= 0x80 }),
		result("other-kind", "the kind of elements is another one", nil, func(r *onnxio.Record) { first(r).Tensor.Kind = seal.Uint32 }),
		result("other-offset", "the tensor is said to be elsewhere", nil, func(r *onnxio.Record) { first(r).Offset -= 4 }),
		result("other-count", "the tensor is said to be shorter", nil, func(r *onnxio.Record) { first(r).Tensor.Count, first(r).Length = 99, 4*99 }),
		result("other-signs", "signs are said to have stayed", nil, func(r *onnxio.Record) { first(r).Tensor.KeepSigns = true }),
		result("other-digest", "the key has another digest of the original", nil, func(r *onnxio.Record) { r.Files[0].SHA256[0] ^= 1; r.Steps[0].Results[0].SHA256[0] ^= 1 }),
		result("other-digest-between", "the digest between two steps is another one", chain(edit(few...), sealAll), func(r *onnxio.Record) { r.Steps[0].Results[0].SHA256[0] ^= 1 }),
		varint, value, splice,
		{folder: "bad-digest", about: "the digest of a plain key does not match", format: 3, model: oneTensor(float(100)), lock: sealAll, error: "damaged",
			damage: func(f map[string][]byte) { f["model.key"][len(f["model.key"])-1] ^= 1 }},
	}
}
