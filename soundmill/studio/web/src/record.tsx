// The page of a prompt set: one sentence after another.

import { render } from "preact";
import { RecordPage } from "./record-page.tsx";

const place = document.getElementById("record")!;
render(<RecordPage place={place} />, place);
