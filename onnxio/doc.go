// Package onnxio reads and rewrites ONNX files without changing a byte that it was
// not asked to change.
//
// Open maps a model and its external data files into memory and walks the protobuf wire
// format once. The walk finds where the elements of every tensor are, and checks them
// against the tensor's type and dimensions. It returns the structure of the model without
// its payloads (Model.Proto), and a list of its weights (Model.Initializers), whose elements
// are read from the mapping.
//
// Model.Rewrite writes a copy in which single elements have other values. The copy is
// patched by offset and never serialised again, so field order, unknown fields and unusual
// encodings survive. Rewrite returns a Record. It is all that Restore needs to turn the copy
// into the original again, bit for bit, without understanding ONNX.
//
// # Malformed and hostile files
//
// Open never trusts a number from the file:
//
//   - Message nesting, message count, tensor rank and the size of the structure are capped
//     before anything is allocated for them.
//   - Sizes are computed with overflow checks.
//   - The stored bytes of a tensor must be exactly what its type and dimensions require.
//   - External data is opened through os.Root below the model's folder. Absolute locations,
//     "..", symbolic links, special files and locations that only have a meaning inside a
//     runtime are refused.
//   - Hard links are accepted. Hard-linked package caches and backups are ordinary, a link needs
//     the rights of the user who made it, and this package never writes through an existing file.
//
// Files that readers understand in different ways are refused, each with an error of a class
// in Malformed. A lock has to hold in every runtime.
//
// The mapping shows what is in the file. If another process truncates the file meanwhile,
// reading the mapping is a fault that ends the process, unless Faults turns it into an error.
// Replace model files by renaming, as this package does.
//
// The format is described by the ONNX IR specification; operators that carry
// tensors as attributes, such as Constant, are covered like initializers.
//
// # Files
//
//	doc.go              this overview
//	model.go            Open and Model: a file, mapped
//	walk.go             one pass over the wire format; limits
//	strict.go           encodings on which readers of protobuf differ
//	tensor.go           where the elements of a tensor lie
//	varint.go           elements stored as varints
//	release_unix.go     mapped pages that are not needed
//	release_other.go    the same where there is no such advice
//	ranges.go           ranges of elements in a file
//	bind.go             tensors and the messages they belong to
//	external.go         external data files
//	sniff.go            files that are not models
//	fault.go            files that are truncated while they are mapped
//	metadata.go         metadata that shows where a model was made
//	initializer.go      Initializer: reading elements
//	datanames.go        data files with names that other programs use
//	dtype.go            element types and ways of storage
//	encode.go           values to bits and back
//	writable.go         elements to change in memory, copied when they are written to
//	parameters.go       every parameter, with the operators that use it
//	flow.go             which values are computed from which
//	flow_reach.go       what depends on the inputs, and what reaches only shapes
//	flow_uses.go        what a tensor's elements get to
//	lists.go            floats that are attributes
//	operands.go         what operators do with their inputs
//	fanin.go            how many products an output adds up
//	check.go            checks: names, nodes, initializers
//	check_type.go       checks: types of inputs and outputs
//	check_attribute.go  checks: attributes
//	check_function.go   checks: functions and calls
//	malformed.go        Malformed: the ways in which a file can be invalid
//	rewrite.go          Rewrite: a copy with other values
//	layout.go           names and places of rewritten files
//	checksum.go         checksums of data files that are rewritten
//	changes.go          changes of one file, in order
//	splice.go           pieces of a file, with the length prefixes around them
//	record.go           Record: how to restore the original
//	validate.go         validity of a record
//	step.go             Step: one of several changes that restore the original
//	inplace.go          which files can be changed in place, and whether they have been
//	seal.go             a step that seals ranges of files
//	stage.go            what is done to one file at a time
//	validate_step.go    validity of a step
//	indices.go          Indices: ascending numbers in little space
//	restore.go          Restore: back to the original
//	restore_stream.go   the original of one file, stage by stage, with its digests
//	opened.go           Opened: the original in memory
//	links.go            files with several names, which are not replaced
//	links_unix.go       the number of names of a file
//	links_other.go      the same where systems do not say
//	errors.go           typed errors
package onnxio
