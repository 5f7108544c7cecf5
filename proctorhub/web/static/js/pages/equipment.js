// The equipment check as a page of its own.

import { EquipmentCheck } from "../media/equipment-check.js";

const check = new EquipmentCheck();
addEventListener("pagehide", () => check.release());
