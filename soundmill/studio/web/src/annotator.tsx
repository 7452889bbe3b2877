// The annotator's page: one timeline of a source, to see, hear and label.

import { render } from "preact";
import { Annotator } from "./annotator-page.tsx";

render(<Annotator />, document.getElementById("annotator")!);
