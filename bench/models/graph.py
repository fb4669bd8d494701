"""What the graph of a model says about its inputs and outputs."""
import re
import onnx

MOVES = {"Identity", "Cast", "Transpose", "Slice", "Squeeze", "Unsqueeze", "Reshape", "Flatten", "Split", "Gather", "Concat"}
RECURRENT = {"LSTM", "GRU", "RNN"}


def states(model):
    """Returns the inputs that recurrent operators begin with, and the outputs that have their last states and nothing
    else, if there are others."""
    nodes = model.graph.node
    maker = {name: n for n in nodes for name in n.output}
    begins = {n.input[i] for n in nodes if n.op_type in RECURRENT for i in (5, 6) if len(n.input) > i}
    fixed = {x.name for x in model.graph.initializer}

    def ends(name):
        n = maker.get(name)
        if n is None or n.op_type in RECURRENT:
            return n is not None and list(n.output).index(name) > 0
        return n.op_type in MOVES and all(ends(x) for x in (n.input if n.op_type == "Concat" else n.input[:1]))

    def behind(name):
        """Returns the inputs of the graph that a state comes from."""
        n = maker.get(name)
        return {name} - fixed if n is None else behind(n.input[0]) if n.op_type in MOVES else set()

    def stacked(x, y):
        """Tells whether the states of several layers are taken apart and put together again."""
        sizes = [[d.dim_value for d in v.type.tensor_type.shape.dim] for v in (x, y)]
        reads = [n for n in nodes if x.name in n.input]
        apart = all(n.op_type in ("Slice", "Gather", "Split") for n in reads) and sum(len(n.output) for n in reads) > 1
        return len(sizes[0]) > 2 and sizes[0][1:] == sizes[1][1:] and all(sizes[0][1:]) and apart and maker[y.name].op_type == "Concat"

    pairs = [(x.name, y.name) for x in model.graph.input for y in model.graph.output if y.name in maker and stacked(x, y)]
    outputs = {o.name for o in model.graph.output if ends(o.name)} | {y for _, y in pairs}
    return set().union({x for x, _ in pairs}, *map(behind, begins)) - {""}, outputs if len(outputs) < len(model.graph.output) else set()


def likeliest(model):
    """Has the likeliest numbers chosen in place of those that are drawn, and tells whether any are. Two models draw the
    same with the same random numbers where their probabilities are alike."""
    drawn = [n for n in model.graph.node if n.op_type == "Multinomial"]
    for n in drawn:
        n.op_type = "ArgMax"
        del n.attribute[:]
        n.attribute.append(onnx.helper.make_attribute("axis", 1))
    return bool(drawn)


def copied(model):
    """Returns the outputs that no weights have a part in, if there are others: parts of the inputs, which no lock changes."""
    maker = {name: n for n in model.graph.node for name in n.output}
    weights = {x.name for x in model.graph.initializer if x.data_type not in (6, 7, 8, 9)}  # integers, strings and truths

    def learned(name):
        seen, todo = set(), [name]
        while todo:
            name = todo.pop()
            n = maker.get(name)
            if name in weights or n is not None and (n.op_type == "Constant" or any(a.type in (4, 5) for a in n.attribute)):
                return True
            if n is not None and name not in seen:
                seen.add(name)
                todo.extend(n.input)
        return False

    found = {o.name for o in model.graph.output if not learned(o.name)}
    return found if len(found) < len(model.graph.output) else set()


def widths(model):
    """Returns the numbers of features that the first layers take: of matrices and recurrent layers."""
    shapes = {x.name: list(x.dims) for x in model.graph.initializer}
    found = []
    for n in model.graph.node:
        if n.op_type == "Conv":
            break
        shape = shapes.get(n.input[1]) if len(n.input) > 1 else None
        if n.op_type in RECURRENT and shape:
            found.append(shape[2])
        elif n.op_type in ("MatMul", "Gemm") and shape and len(shape) == 2:
            found.append(shape[0])
    return list(dict.fromkeys(found[:3]))


def is_whole(model):
    """Tells whether the first axis of the first input counts what one sample consists of, such as frames."""
    dims = model.graph.input[0].type.tensor_type.shape.dim
    return 2 <= len(dims) <= 3 and bool(re.search("frame|time|seq|^input_dim_0$", dims[0].dim_param)) and not any("batch" in d.dim_param for d in dims)
