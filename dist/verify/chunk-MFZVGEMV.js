export{c13_a as a,c13_b as b,c13_c as c,c13_d as d,c13_e as e,c13_f as f}from"./run.js";
