"""Made-up names. Any likeness to a real person, company or product is chance."""

from __future__ import annotations


def _words(*lines: str) -> tuple[str, ...]:
    return tuple(word for line in lines for word in line.split())


GIVEN = _words(
    "Ada Aiko Alma Amir Anouk Anselm Arjun Astrid Beatriz Bela Boris Camille Carlos Chandra Chloé Ciara Dagny Dario",
    "Deepa Edda Eero Elif Elowen Emeka Esther Fatima Felix Fiona Freya Gita Greta Hana Hugo Ida Imani Ines Ingrid Ivo",
    "Jamila Jonas Joyce Juno Kabir Kaja Kofi Lars Leila Lena Linus Luca Lucía Mabel Maren Marek Mei Milo Mina Nadia",
    "Naveen Nils Nora Odile Olu Oskar Paloma Petra Priya Quentin Rafael Renée Rosa Ruben Sami Selma Søren Sunita Tariq",
    "Tess Theo Tomás Uma Vera Viktor Wanda Willa Yara Yusuf Zara Zoë",
)

FAMILY = _words(
    "Abernath Almqvist Ashgrove Bellwether Birkland Brambley Brightwater Calloway Castellane Coldharbour Dalgaard",
    "Deshmane Dunmoor Eastlake Ekström Elderfield Fairwind Farrowby Fernleigh Fjellheim Galbraithe Glenmoor Goldacre",
    "Grünfeld Halvorsen Harrowgate Hazelden Hollinger Iyengaran Jorvik Kaldwell Kestrelle Kilbrannan Kirkwold",
    "Lakshmipur Larkspur Lindqvist Loxwood Marchetti Marlowe Merriweather Middlemarch Moonstone Müllerin Narayanpur",
    "Northcote Oakhurst Okonjola Oldcastle Pemberley Penhallow Quillfeather Rademakker Ravensworth Redfern Rosenquist",
    "Rowanoak Sandoval Silverlode Snowdrift Stillwater Stormont Tanglewood Thistledown Thornbury Umbridge Underhill",
    "Valdemar Vasquenza Wainscott Waverton Westerhaus Whitlock Winterbourne Wolfram Wyvern Yarrowdale Zamfirescu",
    "Zellwood",
)

ORGANIZATIONS = (
    "Aldermoor Instruments",
    "Brightwater Logistik",
    "Coriander Foods",
    "Dunmoor Health",
    "Elderfield Insurance",
    "Fernleigh Motors",
    "Goldacre Bank",
    "Hazelden Schools",
)

DEPARTMENTS = ("Sales", "Support", "Finance", "Operations", "People", "Engineering", "Reception")

MODELS = ("8851-3PCC", "8845-3PCC", "8865-3PCC", "9851", "9861", "9871", "7841-3PCC", "DMS CISCO 840", "DMS CISCO 860")

WORKSPACE_MODELS = ("Cisco Room Bar", "Cisco Desk Pro", "Cisco Board Pro 55", "8832-3PCC")

PSTN_PARTNERS = ("Example Carrier", "Sample Voice", "Placeholder Telecom")
