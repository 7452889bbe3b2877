// The first page: stations, detections, runs and the collection, as they are now.

import { render } from "preact";
import { Dashboard } from "./dashboard-page.tsx";

render(<Dashboard />, document.getElementById("dashboard")!);
