export{c18_a as a,c18_b as b,c18_c as c,c18_d as d,c18_e as e,c18_f as f,c18_g as g}from"./run.js";
