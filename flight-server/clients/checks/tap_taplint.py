"""Does `stilts taplint`, the validator of TAP services, find nothing wrong?

    python tap_taplint.py FLIGHT_URI TAP_URL BINARY

All of its stages, uploads and examples included. Its exit code says nothing, so its report is counted: no errors; no failure but
the data model that this service does not have; no warning but those of features that it does not know yet.
"""

import json
import subprocess
import sys

# section and code of reports: why they are none of ours
EXPLAINED = {
    ("LOC", "NOTP"): "there is no table of ObsLocTAP",
    ("CAP", "CULF"): "extensions of the language are declared under a type of their own",
}


def main():
    command = ["stilts", "taplint", f"tapurl={sys.argv[2]}", "format=json", "report=EWF", "maxrepeat=20"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    report = json.loads(done.stdout)
    found = [(section["code"], line["code"], line["level"], line["text"])
             for section in report["sections"] for line in section["reports"]]
    wrong = [line for line in found if line[:2] not in EXPLAINED or line[2].startswith("E")]
    assert not wrong, "\n".join(f"{level}-{section}-{code} {text}" for section, code, level, text in wrong)
    stages = {section["code"] for section in report["sections"]}
    for stage in ("TMV", "TME", "TMS", "TMC", "CPV", "CAP", "AVV", "QGE", "QPO", "QAS", "UWS", "MDQ", "UPL", "EXA"):
        assert stage in stages, f"stage {stage} did not run: {sorted(stages)}"
    print(report["totals"])


main()
