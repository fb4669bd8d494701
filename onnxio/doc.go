// Package onnxio reads and rewrites ONNX files without disturbing a byte it was
// not asked to change.
//
// Open maps a model and its external data files into memory and walks the
// protobuf wire format once. The walk finds where the elements of every tensor
// lie, checks them against the tensor's type and dimensions, and leaves behind
// the structure of the model without its payloads (Model.Proto) and a list of
// its weights (Model.Initializers), whose elements are read from the mapping.
//
// Model.Rewrite writes a copy in which single elements have other values. The
// copy is patched by offset, never serialised anew: field order, unknown fields
// and odd encodings survive. What it returns, a Record, is all that Restore
// needs to turn the copy into the original again, bit for bit, without
// understanding ONNX.
//
// # Malformed and hostile files
//
// Open never trusts a number from the file. Message nesting and message count,
// tensor rank and the size of the structure are capped before anything is
// allocated for them, sizes are computed with overflow checks, and the stored
// bytes of a tensor must be exactly what its type and dimensions ask for.
// External data is opened through os.Root below the model's folder: absolute
// locations, "..", symbolic links, special files and locations that only have a
// meaning inside a runtime are refused. Hard links are not: hard-linked package
// caches and backups are ordinary, a link needs the rights of the user who made
// it, and nothing here ever writes through an existing file.
//
// Files that readers understand in different ways are refused, each with an error
// of a class in Malformed: a lock has to be one in every runtime.
//
// The mapping shows what is in the file. If another process truncates it meanwhile,
// reading it is a fault that ends the process, unless Faults makes an error of it.
// Replace model files by renaming, as this package does.
//
// The format is described by the ONNX IR specification; operators that carry
// tensors as attributes, such as Constant, are covered like initializers.
package onnxio
