// The report of a model's version.

import { render } from "preact";
import { ModelPage } from "./model-page.tsx";

const place = document.getElementById("model")!;
const { of = "", version = "1", files = "", may = "" } = place.dataset;
render(<ModelPage name={of} version={Number(version)} files={files.split(" ").filter(Boolean)} may={may === "engineer"} />, place);
